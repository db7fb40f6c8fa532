package delivery_test

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"hydrant/delivery/deliverytest"
	"hydrant/delivery/format"
	"hydrant/stream"
)

func TestEveryCompressionHasACodec(t *testing.T) {
	if got, want := format.Names(), stream.Compressions(); !slices.Equal(got, want) {
		t.Errorf("there are codecs for %q, definitions may name %q", got, want)
	}
}

// Objects say how they are compressed, in their key and their content encoding, and read as what went in. A lost answer at
// a store that keeps no metadata has delivery itself read them too.
func TestCompressions(t *testing.T) {
	for _, name := range stream.Compressions() {
		for _, extension := range []string{"", ".json"} {
			t.Run(name+extension, func(t *testing.T) {
				w := newWorld(t, func(s *stream.Stream) { s.Compression, s.FileExtension = name, extension })
				w.objects.KeepNoMetadata()
				w.objects.LoseReply(deliverytest.Create, 1, errors.New("no answer"))
				long := fmt.Sprintf(`{"key":"a","pad":%q}`, strings.Repeat("0123456789", 60_000)) // more than a chunk
				w.append(long, record("a", 1), record("a", 2))
				w.start()
				w.drain()
				w.want("key=a "+long, "key=a "+record("a", 1), "key=a "+record("a", 2))

				codec, err := format.ByName(name)
				if err != nil {
					t.Fatal(err)
				}
				keys := w.objects.Keys()
				if len(keys) != 1 {
					t.Fatalf("objects %q, want one", keys)
				}
				want := codec.Extension()
				if extension != "" {
					want = extension
				}
				if got := path.Ext(keys[0]); got != want {
					t.Errorf("the key ends in %q, want %q", got, want)
				}
				if o, _ := w.objects.Object(keys[0]); o.ContentEncoding != codec.ContentEncoding() {
					t.Errorf("content encoding %q, want %q", o.ContentEncoding, codec.ContentEncoding())
				}
			})
		}
	}
}

// An object that damage has made smaller keeps the extension.
func TestSupersedingKeepsTheExtension(t *testing.T) {
	w := newWorld(t, func(s *stream.Stream) { s.FileExtension = ".json.gz" })
	w.sealUndelivered(20)
	old := w.manifests()
	w.log.Damage(w.id, 5, 9)
	w.start()
	w.drain()
	keys := w.objects.Keys()
	if len(keys) != 1 || len(old) != 1 || keys[0] == old[0].Key || len(keys[0]) != len(old[0].Key) ||
		!strings.HasSuffix(keys[0], ".json.gz") {
		t.Errorf("objects %q supersede %+v", keys, old)
	}
}
