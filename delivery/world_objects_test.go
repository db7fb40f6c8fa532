package delivery_test

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	"hydrant/delivery/deliverytest"
	"hydrant/delivery/format"
)

// lines returns what the destination holds: every line with the first segment of its object's key.
func (w *world) lines() []string {
	w.t.Helper()
	return linesOf(w.t, w.objects)
}

func linesOf(t *testing.T, objects *deliverytest.Memory) []string {
	t.Helper()
	var out []string
	for _, key := range objects.Keys() {
		o, _ := objects.Object(key)
		r, err := codecOf(t, o.ContentEncoding).Decode(bytes.NewReader(bytes.Join(o.Body, nil)))
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		segment, _, _ := strings.Cut(key, "/")
		for line := range strings.Lines(string(content)) {
			out = append(out, segment+" "+strings.TrimSuffix(line, "\n"))
		}
	}
	slices.Sort(out)
	return out
}

// codecOf finds the codec by what it has objects' content encoding say.
func codecOf(t *testing.T, encoding string) format.Codec {
	t.Helper()
	for _, name := range format.Names() {
		codec, err := format.ByName(name)
		if err == nil && codec.ContentEncoding() == encoding {
			return codec
		}
	}
	t.Fatalf("no codec has the content encoding %q", encoding)
	return nil
}

func (w *world) want(want ...string) {
	w.t.Helper()
	slices.Sort(want)
	if got := w.lines(); !slices.Equal(got, want) {
		w.t.Errorf("the destination holds %d lines, want %d\n got %q\nwant %q", len(got), len(want), got, want)
	}
	stats := w.log.Stats().Streams[w.id]
	if stats.Pending != 0 {
		w.t.Errorf("%d records are pending, want none", stats.Pending)
	}
}
