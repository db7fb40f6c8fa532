// Package definitions keeps what was created through the API: one document for each stream, replaced only by who has seen
// the last version of it. The store of one node is a directory; several nodes may share one in another place that can
// compare and swap.
package definitions

import (
	"context"
	"errors"
)

// Version names one state of a document. The empty Version stands for no document.
type Version string

// Document is what is kept of one stream. The store does not understand Data.
type Document struct {
	Data    []byte
	Version Version
}

// ErrConflict means that a document is not at the version that was expected: nothing was changed.
var ErrConflict = errors.New("the definition was changed by somebody else")

// Store keeps documents by the names of their streams. Its methods may be called from many goroutines at once.
type Store interface {
	// Load returns all documents. Those that cannot be read are named by the error, one of Unreadable each, and the others
	// are returned with it.
	Load(ctx context.Context) (map[string]Document, error)

	// Put replaces the document at the expected version, and is durable on return. After an error other than ErrConflict
	// the document may have either state.
	Put(ctx context.Context, name string, data []byte, expected Version) (Version, error)

	// Delete removes the document at the expected version, and is durable on return. Errors are those of Put.
	Delete(ctx context.Context, name string, expected Version) error
}

// Unreadable takes the error of a Load that returned documents apart: an error for each document that is not among them.
func Unreadable(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return nil
}
