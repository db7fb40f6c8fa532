package delivery

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"hydrant/buffer"
	"hydrant/stream"
)

// Manifest is written down before the first byte of its object leaves, and means: all outputs of Partition from records
// with From < sequence <= To. The partitioner being pure, that and the version determine the object's content; what
// identifies it is the checksum of the uncompressed bytes, never the compressed ones.
type Manifest struct {
	Version     uint64     `json:"version"`   // of the stream's definition
	Partition   string     `json:"partition"` // see partitionOf
	Destination string     `json:"destination"`
	Address     string     `json:"address,omitempty"` // of the destination; an older version wrote none
	Store       string     `json:"store,omitempty"`   // at the address, see LeaseRecord; empty until it is known
	Backup      bool       `json:"backup,omitempty"`  // of the backup track
	Key         string     `json:"key"`
	From        buffer.Seq `json:"from"`
	First       buffer.Seq `json:"first"` // of the first output's record
	To          buffer.Seq `json:"to"`
	Outputs     int64      `json:"outputs"`
	Extra       int64      `json:"extra,omitempty"` // outputs among them that are more than the one of their record
	Bytes       int64      `json:"bytes"`           // uncompressed
	Checksum    string     `json:"checksum"`
	Codec       string     `json:"codec"`
	Revision    int        `json:"revision"`
	Epoch       uint64     `json:"epoch"`
	Reason      string     `json:"reason"`    // of the seal
	Attempted   bool       `json:"attempted"` // an attempt may have created the object
	Delivered   bool       `json:"delivered"`

	// Target is the destination where it is not the version's own: one that was corrected since.
	Target *stream.Destination `json:"target,omitempty"`
}

// manifestPrefix begins the keys of manifests among a lane's state.
const manifestPrefix = "manifest/"

func (m *Manifest) stateKey() string {
	if m.Backup {
		return backupPrefix + manifestPrefix + m.Key
	}
	return manifestPrefix + m.Key
}

func (m *Manifest) entry() buffer.Entry {
	data, err := json.Marshal(m)
	if err != nil {
		panic("delivery: a manifest is always JSON: " + err.Error()) // strings and numbers only
	}
	return buffer.Entry{Key: m.stateKey(), Value: data}
}

// DecodeManifest reads what a lane's state holds under a key, and reports whether that is a manifest.
func DecodeManifest(key string, value []byte) (*Manifest, bool, error) {
	if !strings.HasPrefix(strings.TrimPrefix(key, backupPrefix), manifestPrefix) {
		return nil, false, nil
	}
	m := new(Manifest)
	if err := json.Unmarshal(value, m); err != nil {
		return nil, true, fmt.Errorf("manifest %s: %w", key, err)
	}
	if m.stateKey() != key || m.First > m.To || m.From >= m.First || m.Outputs < 1 || m.Extra > m.Outputs {
		return nil, true, fmt.Errorf("manifest %s contradicts itself: %s", key, value)
	}
	return m, true, nil
}

// objectKey is the key of a manifest's object: Firehose's form, where the id is a hash of all that tells objects apart, so
// that every attempt at one object has the same key and no other object ever has.
func objectKey(m *Manifest, lane buffer.LaneInfo, prefix, extension string, arrival time.Time) string {
	id := objectID(m, lane)
	return fmt.Sprintf("%s%s-%d-%s-%s%s", fillRandom(prefix, id), lane.Name, m.Version, arrival.Format("2006-01-02-15-04-05"), id, extension)
}

// idLength is the length of an objectID.
const idLength = 36

func objectID(m *Manifest, lane buffer.LaneInfo) string {
	h := sha256.New()
	h.Write(lane.ID.Stream[:])
	h.Write(lane.Origin.Log[:])
	for _, n := range []uint64{lane.Origin.Epoch, uint64(lane.ID.Number), m.Version, uint64(m.From), uint64(m.To), uint64(m.Revision)} {
		_ = binary.Write(h, binary.LittleEndian, n) // a hash does not fail
	}
	h.Write([]byte(m.Partition))
	if m.Backup { // it may lie beside the records of the same range
		h.Write([]byte{1})
	}
	id := h.Sum(nil)
	id[6], id[8] = id[6]&0x0f|0x80, id[8]&0x3f|0x80 // RFC 9562, version 8: a hash
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:16])
}

// metadata is what travels with the manifest's object.
func (m *Manifest) metadata(lane buffer.LaneInfo) Metadata {
	return Metadata{
		Stream:   lane.Name,
		Sequence: fmt.Sprintf("%d/%d-%d", lane.ID.Number, m.From, m.To),
		Records:  m.Outputs,
		Checksum: m.Checksum,
	}
}
