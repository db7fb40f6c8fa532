package buffer

import "fmt"

// Damage is a range of a lane that was acknowledged and cannot be read any more. It is quarantined: durably known, never
// read again even should its bytes come back, and settled once the cursor has passed it.
type Damage struct {
	From       Seq    `json:"from"`
	To         Seq    `json:"to"`
	Records    int64  `json:"records"` // that are lost; fewer than the range is long where sequences were never used
	Reason     string `json:"reason"`
	Generation uint64 `json:"generation"` // that held it; 0 where that is not known or the engine has none
}

// CorruptError says that a range of a lane is quarantined.
type CorruptError struct {
	Lane LaneID
	Damage
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("records %d to %d of stream %s, lane %d are damaged: %s", e.From, e.To, e.Lane.Stream, e.Lane.Number, e.Reason)
}

func (e *CorruptError) Unwrap() error { return ErrDamaged }
