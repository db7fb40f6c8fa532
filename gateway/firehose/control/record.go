package control

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/firehose/types"

	"hydrant/stream/definitions"
)

// record is a stream made through the API, as it is kept: what the calls said, nothing that was filled in, so that another
// configuration of the node, or a later release, can read it anew. It is immutable.
type record struct {
	Name    string            `json:"name"`
	Version uint64            `json:"version"` // from 1; rises with each update
	Created time.Time         `json:"created"`
	Updated time.Time         `json:"updated,omitzero"`
	Tags    map[string]string `json:"tags,omitempty"`

	Source      *types.DirectPutSourceConfiguration       `json:"source,omitempty"`
	Destination *types.ExtendedS3DestinationConfiguration `json:"destination"`

	Encryption *encryption `json:"encryption,omitempty"` // nil for a stream that never had any

	// Incarnation tells the stream from an earlier or later one of its name; empty for one made before there were any.
	Incarnation string `json:"incarnation,omitempty"`

	Leaving leaving           `json:"leaving,omitempty"` // it is being deleted
	Busy    map[string]uint64 `json:"busy,omitempty"`    // while it is: nodes that hold something of it, with how often each has said so

	at definitions.Version // in the store
}

// leaving says what becomes of the records of a stream that is being deleted.
type leaving string

const (
	draining   leaving = "draining" // they are delivered first
	discarding leaving = "discarding"
)

// decodeRecord refuses members that this program does not know: a stream must not be served without what they ask for.
func decodeRecord(document definitions.Document) (*record, error) {
	r := &record{at: document.Version}
	decoder := json.NewDecoder(bytes.NewReader(document.Data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(r); err != nil || r.Destination == nil {
		return nil, fmt.Errorf("it is of another version of this program: %w", err)
	}
	return r, nil
}

func (r *record) encode() []byte {
	data, err := json.Marshal(r)
	if err != nil {
		panic("control: a record is always JSON: " + err.Error()) // strings, numbers, times and maps of strings
	}
	return data
}
