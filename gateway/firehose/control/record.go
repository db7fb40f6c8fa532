package control

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
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

// decodeRecord refuses members that this program does not know: a stream must not be served without what they ask for. It
// refuses what no call could have made, too: others may write to a fleet's store, and what follows relies on what the model
// requires.
func decodeRecord(name string, document definitions.Document) (*record, error) {
	r := &record{at: document.Version}
	decoder := json.NewDecoder(bytes.NewReader(document.Data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(r); err != nil {
		return nil, fmt.Errorf("it is of another version of this program: %w", err)
	}
	if r.Name != name {
		return nil, fmt.Errorf("it is the one of stream %q", r.Name)
	}
	if lacks := r.lacks(); lacks != "" {
		return nil, fmt.Errorf("it lacks %s", lacks)
	}
	return r, nil
}

// lacks names a member that a call must have and that is not there, or is empty if there is none.
func (r *record) lacks() string {
	call, err := json.Marshal(map[string]any{
		"DeliveryStreamName":                 r.Name,
		"DirectPutSourceConfiguration":       r.Source,
		"ExtendedS3DestinationConfiguration": r.Destination,
	})
	var value any
	if err == nil {
		err = json.Unmarshal(call, &value)
	}
	if err != nil {
		return "a form: " + err.Error()
	}
	if r.Destination == nil {
		return "ExtendedS3DestinationConfiguration"
	}
	m := firehoseModel()
	return m.lacks(m.Operations["CreateDeliveryStream"], "", value)
}

// lacks looks through what was decoded into the SDK's types, of which only pointers can be missing.
func (m *model) lacks(name, path string, value any) string {
	s := m.Shapes[name]
	switch v := value.(type) {
	case nil:
		return path
	case map[string]any:
		for _, member := range slices.Sorted(maps.Keys(s.Members)) {
			if v[member] == nil && !slices.Contains(s.Required, member) {
				continue
			}
			if lacks := m.lacks(s.Members[member], join(path, member), v[member]); lacks != "" {
				return lacks
			}
		}
	case []any:
		for i, element := range v {
			if lacks := m.lacks(s.Member, join(path, strconv.Itoa(i+1)), element); lacks != "" {
				return lacks
			}
		}
	}
	return ""
}

func (r *record) encode() []byte {
	data, err := json.Marshal(r)
	if err != nil {
		panic("control: a record is always JSON: " + err.Error()) // strings, numbers, times and maps of strings
	}
	return data
}
