package delivery

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Destination is a place where objects are created and never changed. All methods may run at once, for different keys.
// Every implementation passes package deliverytest.
//
// Errors other than ErrExists and ErrNotExist are *Error: the destination says what kind of trouble it is, Retry
// decides what to do. A destination never retries by itself. An object that Create or Stat has found is durable. A
// destination that is an io.Closer is closed when nothing uses it any more.
type Destination interface {
	// Create makes an object visible under a key that no object has. It returns nil only when the object is whole,
	// durable and visible; before that nobody can see any part of it. ErrExists: there is an object under that key, and
	// it is untouched. After any other error the object may or may not exist, unless the error says Refused.
	Create(ctx context.Context, o *Object) error

	// Stat returns what the destination keeps about an object: ErrNotExist if there is none. Metadata is the zero value
	// where the destination keeps none.
	Stat(ctx context.Context, key string) (Metadata, error)

	// Open reads an object: ErrNotExist if there is none.
	Open(ctx context.Context, key string) (io.ReadCloser, error)
}

// Object is what Create makes visible.
type Object struct {
	Key             string // of at most 1,024 bytes, no segment above 255
	Body            Body
	ContentEncoding string // empty, or what format.Codec says
	Metadata        Metadata
}

// Body is an object's bytes, as pieces in order. They are not changed, and may be read any number of times.
type Body [][]byte

// Metadata identifies an object's content, whatever compressed it. It travels with the object where the store allows.
type Metadata struct {
	Stream   string // name
	Sequence string // LANE/from-to: all outputs of the partition with from < sequence <= to
	Records  int64
	Checksum string // xxh64:<16 hexadecimal digits> of the bytes before compression
}

// The answers of a destination that are no trouble.
var (
	ErrExists   = errors.New("an object with this key exists")
	ErrNotExist = errors.New("no object has this key")
)

// Class is what an error asks for. No class ever drops data: they differ in how long to wait and whom to tell.
type Class int

const (
	Transient Class = iota // a timeout, a reset, a 5xx: again soon
	Throttled              // the destination asks for less: again later, with fewer uploads at once
	Held                   // configuration or credentials are wrong: again slowly, and raise the alarm
)

func (c Class) String() string { return [...]string{"transient", "throttled", "held"}[c] }

// Error is a destination's trouble with one operation.
type Error struct {
	Op      string // create, stat, open
	Key     string
	Class   Class
	Refused bool   // the object was surely not created; says nothing for other operations
	Code    string // in Firehose's form, such as S3.NoSuchBucket; empty where the destination has none
	Err     error
}

// Error has the cause first: it is what an operator looks for, and keys are long.
func (e *Error) Error() string { return fmt.Sprintf("%v (%s %s)", e.Err, e.Op, e.Key) }
func (e *Error) Unwrap() error { return e.Err }
