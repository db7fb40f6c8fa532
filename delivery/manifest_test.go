package delivery

import (
	"strings"
	"testing"
	"time"

	"hydrant/buffer"
	"hydrant/stream"
)

func someManifest() *Manifest {
	return &Manifest{Version: 2, Partition: "\x00key=a/", Key: "k", From: 1, First: 2, To: 5, Outputs: 3, Checksum: "xxh64:0"}
}

// What an older version sealed names no endpoint: it goes where its bucket is configured to be, as with that version.
func TestManifestWithoutAnAddress(t *testing.T) {
	m := Manifest{Destination: "s3://lake"}
	for _, endpoint := range []string{"", "http://127.0.0.1:9000"} {
		if !m.isAt(stream.Destination{S3: &stream.S3{Bucket: "lake", Endpoint: endpoint}}) {
			t.Errorf("it is not at the endpoint %q", endpoint)
		}
	}
	if m.isAt(stream.Destination{S3: &stream.S3{Bucket: "pond"}}) {
		t.Error("it is in another bucket")
	}
}

// The key is Firehose's form, the same for every attempt, and another for every other object.
func TestObjectKey(t *testing.T) {
	lane := buffer.LaneInfo{ID: buffer.LaneID{Stream: buffer.StreamID{1}}, Name: "clicks", Origin: buffer.Origin{Epoch: 3}}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	key := func(change func(*Manifest, *buffer.LaneInfo)) string {
		m, l := someManifest(), lane
		if change != nil {
			change(m, &l)
		}
		return objectKey(m, l, "key=a/", ".gz", at)
	}
	first := key(nil)
	if !strings.HasPrefix(first, "key=a/clicks-2-2026-01-02-03-04-05-") || !strings.HasSuffix(first, ".gz") ||
		len(first) != len("key=a/clicks-2-2026-01-02-03-04-05-")+36+len(".gz") {
		t.Errorf("key %s", first)
	}
	if again := key(nil); again != first {
		t.Errorf("the same object has the keys %s and %s", first, again)
	}
	for name, change := range map[string]func(*Manifest, *buffer.LaneInfo){
		"stream":    func(_ *Manifest, l *buffer.LaneInfo) { l.ID.Stream[5] = 1 },
		"lane":      func(_ *Manifest, l *buffer.LaneInfo) { l.ID.Number = 1 },
		"log":       func(_ *Manifest, l *buffer.LaneInfo) { l.Origin.Log[0] = 1 },
		"epoch":     func(_ *Manifest, l *buffer.LaneInfo) { l.Origin.Epoch++ },
		"version":   func(m *Manifest, _ *buffer.LaneInfo) { m.Version++ },
		"partition": func(m *Manifest, _ *buffer.LaneInfo) { m.Partition = "processing-failed\x00key=a/" },
		"from":      func(m *Manifest, _ *buffer.LaneInfo) { m.From++ },
		"to":        func(m *Manifest, _ *buffer.LaneInfo) { m.To++ },
		"revision":  func(m *Manifest, _ *buffer.LaneInfo) { m.Revision++ },
	} {
		if key(change) == first {
			t.Errorf("another %s gives the same key", name)
		}
	}
}

func FuzzDecodeManifest(f *testing.F) {
	e := someManifest().entry()
	f.Add(e.Key, e.Value)
	f.Add("totals", []byte("{}"))
	f.Add("manifest/k", []byte(`{"key":"k","first":1,"to":0}`))
	f.Fuzz(func(t *testing.T, key string, value []byte) {
		m, ok, err := DecodeManifest(key, value)
		if err != nil || !ok {
			return
		}
		if m.First > m.To || m.From >= m.First || m.stateKey() != key {
			t.Fatalf("a manifest that contradicts itself was taken: %+v", m)
		}
	})
}

// BenchmarkManifest is what each object costs beside its content: its key, and its state written and read again.
func BenchmarkManifest(b *testing.B) {
	m, lane := someManifest(), buffer.LaneInfo{ID: buffer.LaneID{Stream: buffer.StreamID{1}}, Name: "clicks"}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	b.ReportAllocs()
	for b.Loop() {
		m.Key = objectKey(m, lane, "key=a/", ".gz", at)
		e := m.entry()
		if _, _, err := DecodeManifest(e.Key, e.Value); err != nil {
			b.Fatal(err)
		}
	}
}
