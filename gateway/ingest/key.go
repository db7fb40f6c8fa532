package ingest

import (
	"encoding/binary"
	"fmt"

	"github.com/cespare/xxhash/v2"

	"hydrant/buffer"
)

// Key names a request, so that another attempt at it is known. The zero Key names none. Keys meet only within one
// stream, principal and operation.
type Key struct {
	Principal string // who sent the request; Append fills it in
	Operation string // of the protocol
	Value     []byte // as the producer chose it; a view of the request
}

// of is the key of a batch. It allocates nothing for values of a usual length.
func (k Key) of(stream buffer.StreamID, records [][]byte) buffer.Key {
	if len(k.Value) == 0 {
		return buffer.Key{}
	}
	return buffer.Key{ID: buffer.NewKeyID(stream, k.Principal, k.Operation, k.Value), Payload: hashRecords(records)}
}

// hashRecords covers the records and where each of them ends. 64 bits are enough: a producer only meets with itself, and
// only where it gives one key to two payloads.
func hashRecords(records [][]byte) uint64 {
	var digest xxhash.Digest
	digest.Reset()
	var length [8]byte
	for _, record := range records {
		binary.LittleEndian.PutUint64(length[:], uint64(len(record)))
		_, _ = digest.Write(length[:]) // never fails
		_, _ = digest.Write(record)
	}
	return digest.Sum64()
}

func keyReused(stream string) error {
	return &Error{
		Code: KeyReused,
		Detail: fmt.Sprintf("the idempotency key was used for other records of stream %q; nothing of this request was stored; "+
			"send a retry with the same records, and other records with a key of their own", stream),
	}
}
