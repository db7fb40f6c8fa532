package buffer

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
)

// NewStreamID returns a random incarnation.
func NewStreamID() StreamID {
	var id StreamID
	_, _ = rand.Read(id[:]) // never fails: documented to end the process instead
	return id
}

// ParseStreamID reads the form that String writes.
func ParseStreamID(s string) (StreamID, error) {
	var id StreamID
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(id) {
		return id, fmt.Errorf("stream id %q: want %d hexadecimal digits", s, 2*len(id))
	}
	copy(id[:], b)
	return id, nil
}

// String is the id as 32 hexadecimal digits.
func (id StreamID) String() string { return hex.EncodeToString(id[:]) }

// IsZero reports whether the id is unset.
func (id StreamID) IsZero() bool { return id == StreamID{} }

// derivedLane is set in the number of every derived lane.
const derivedLane = 1 << 31

// Derived is the derived lane of a lane.
func (id LaneID) Derived() LaneID { return LaneID{id.Stream, id.Number | derivedLane} }

// Source is the lane that a derived lane belongs to, and any other lane itself.
func (id LaneID) Source() LaneID { return LaneID{id.Stream, id.Number &^ derivedLane} }

// IsDerived reports whether the lane holds what was derived from another.
func (id LaneID) IsDerived() bool { return id.Number&derivedLane != 0 }
