package control

import (
	"encoding/json"
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

	Leaving leaving `json:"leaving,omitempty"` // it is being deleted

	at definitions.Version // in the store
}

// leaving says what becomes of the records of a stream that is being deleted.
type leaving string

const (
	draining   leaving = "draining" // they are delivered first
	discarding leaving = "discarding"
)

func (r *record) encode() []byte {
	data, err := json.Marshal(r)
	if err != nil {
		panic("control: a record is always JSON: " + err.Error()) // strings, numbers, times and maps of strings
	}
	return data
}
