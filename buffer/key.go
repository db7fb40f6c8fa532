package buffer

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"time"
)

// Key makes a batch one that is stored once however often it is sent. The zero Key makes it nothing of the kind.
type Key struct {
	ID KeyID
	// Payload is a hash of the records. It tells a retry from another batch that was given the same key by mistake.
	Payload uint64
}

// KeyID is a hash of all that a key is unique within, and of the key.
type KeyID [16]byte

// NewKeyID hashes a key and its scope. The hash is a cryptographic one, so that no producer can find a key that meets
// another producer's.
func NewKeyID(stream StreamID, principal, operation string, key []byte) KeyID {
	var room [256]byte
	scope := append(room[:0], stream[:]...)
	scope = binary.AppendUvarint(scope, uint64(len(principal)))
	scope = append(scope, principal...)
	scope = binary.AppendUvarint(scope, uint64(len(operation)))
	scope = append(scope, operation...)
	scope = append(scope, key...)
	sum := sha256.Sum256(scope)
	return KeyID(sum[:16])
}

// IsZero reports whether the id is unset.
func (id KeyID) IsZero() bool { return id == KeyID{} }

// Window bounds for how long a log remembers a key: by time and by count, whichever ends first.
type Window struct {
	Age  time.Duration // while the log is open, by a clock that nobody can set; time in which it was closed does not count
	Keys int           // remembered at once; beyond it the oldest are forgotten before their time
}

// DefaultWindow is what a zero Window means.
var DefaultWindow = Window{Age: 10 * time.Minute, Keys: 1_000_000}

// WithDefaults fills in what is zero.
func (w Window) WithDefaults() Window {
	if w.Age == 0 {
		w.Age = DefaultWindow.Age
	}
	if w.Keys == 0 {
		w.Keys = DefaultWindow.Keys
	}
	return w
}

// ErrKeyReused refuses a batch whose key was given to a batch with another payload.
var ErrKeyReused = errors.New("the key was used for another payload")
