package delivery

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"hydrant/buffer"
	"hydrant/partitioner"
	"hydrant/stream"
)

// Objects of an encrypted stream stay in memory where others go to scratch.
func TestEncryptedObjectsAreNotSpilled(t *testing.T) {
	for _, key := range []buffer.DataKeyID{0, 1} {
		dir := filepath.Join(t.TempDir(), "scratch")
		s, err := OpenScratch(dir, 8*smallestSegment)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		d := stream.Stream{Name: "s", Compression: "none", Destination: stream.Destination{Directory: &stream.Directory{Path: "/x"}}}.WithDefaults()
		r, err := newRules(&buffer.Version{Number: 1, Logic: partitioner.Logic, Data: d.Encode(), Key: key}, mainTrack, false)
		if err != nil {
			t.Fatal(err)
		}
		o := newObject(r, "", buffer.Record{Seq: 1}, new(partitioner.Output))
		o.write(&partitioner.Output{Data: bytes.Repeat([]byte("marker"), 1000)}, nil)
		l := &lane{service: New(Config{}, Deps{}), scratch: s}
		l.account(o.memory)
		l.spill([]*object{o}, 0)
		data, err := os.ReadFile(filepath.Join(dir, scratchName))
		if err != nil {
			t.Fatal(err)
		}
		if got := bytes.Contains(data, []byte("marker")); got != (key == 0) {
			t.Errorf("key %d: scratch holds the records: %v", key, got)
		}
	}
}
