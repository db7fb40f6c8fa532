package badgerlog

import (
	"bytes"
	"testing"

	"hydrant/buffer"
)

// Nothing in Badger's write-ahead log makes more of it than it holds.
func FuzzWriteAheadLog(f *testing.F) {
	dir := f.TempDir()
	l, err := Open(Config{Dir: dir, MaxDisk: MinDisk})
	if err != nil {
		f.Fatal(err)
	}
	id := buffer.NewStreamID()
	if _, err := l.Define(f.Context(), buffer.Definition{Stream: id, Name: "s", Logic: 1}); err != nil {
		f.Fatal(err)
	}
	data, err := readWAL(l.current.dir)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(bytes.TrimRight(data, "\x00"))
	if err := l.Close(); err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{})
	f.Add(append(make([]byte, walHeaderSize), 1, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0, 0))
	f.Fuzz(func(t *testing.T, data []byte) {
		blocks := 0
		for _, g := range namedIn(data, nil) {
			blocks += len(g.blocks)
		}
		if blocks*blockKeySize > len(data) {
			t.Errorf("%d blocks in %d bytes", blocks, len(data))
		}
	})
}

// State that is read is written again as it was.
func FuzzStateDecode(f *testing.F) {
	f.Add(versionKey(3), encodeVersion(version{buffer.Version{Number: 3, Logic: 1, Data: []byte("{}"), Key: 7}, 9}))
	f.Add("", head{next: 1, accepted: 2, bytes: 3}.encode())
	f.Add("", encodeCursor(9))
	f.Add("", []byte(`{"From":1,"To":9,"Records":4}`))
	f.Fuzz(func(t *testing.T, key string, value []byte) {
		if v, err := decodeVersion(key, value); err == nil {
			again, err := decodeVersion(versionKey(v.Number), encodeVersion(v))
			if err != nil || again.first != v.first || again.Key != v.Key || !bytes.Equal(again.Data, v.Data) {
				t.Errorf("%+v became %+v (%v)", v, again, err)
			}
		}
		if h, err := decodeHead(value); err == nil && !bytes.Equal(h.encode(), value) {
			t.Errorf("%+v is not %x", h, value)
		}
		if seq, err := decodeCursor(value); err == nil && !bytes.Equal(encodeCursor(seq), value) {
			t.Errorf("%d is not %x", seq, value)
		}
		c := change{stateKey: stateKey{kindDamage, logLane, key}, value: value}
		if d, ok := decodeDamage(&c); ok {
			written := damageChange(logLane, d)
			if again, ok := decodeDamage(&written); !ok || again != d {
				t.Errorf("%+v became %+v", d, again)
			}
		}
	})
}
