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
