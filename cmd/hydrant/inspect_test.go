package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hydrant/buffer"
	"hydrant/buffer/badgerlog"
	"hydrant/stream"
	"hydrant/stream/definitions"
)

func TestInspectNamesDamage(t *testing.T) {
	report := &badgerlog.Report{
		Damage: []badgerlog.DamageReport{
			{Groups: true, Damage: buffer.Damage{From: 3, To: 4, Reason: "groups are lost", Generation: 7}},
			{Stream: "clicks", StreamID: buffer.StreamID{1}, New: true, Damage: buffer.Damage{From: 10, To: 19, Records: 8, Reason: "rot", Generation: 7}},
		},
		Repaired: []string{"generation 7"},
	}
	lines, err := inspectLines(report, false)
	if err != nil {
		t.Fatal(err)
	}
	var text, json strings.Builder
	for _, l := range lines {
		if err := (&inspectCommand{}).print(&text, l); err != nil {
			t.Fatal(err)
		}
		if err := (&inspectCommand{JSON: true}).print(&json, l); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{
		"DAMAGE: groups 3 to 4 (generation 7): groups are lost",
		"DAMAGE: stream clicks (01000000000000000000000000000000): 8 records of 10 to 19 lost (generation 7): rot",
		"damaged, and read all the same: generation 7",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the text lacks %q:\n%s", want, text.String())
		}
	}
	want := `{"type":"damage","item":{"stream":"clicks","stream_id":"01000000000000000000000000000000","new":true,"from":10,"to":19,"records":8,"reason":"rot","generation":7}}`
	if !strings.Contains(json.String(), want) {
		t.Errorf("the JSON lacks %s:\n%s", want, json.String())
	}
}

// The lane of what a function made is told from the stream's own, and no version shows what a header says.
func TestInspectTellsDerivedLanes(t *testing.T) {
	definition := stream.Stream{
		Name:        "clicks",
		Transform:   &stream.Transform{HTTP: &stream.HTTPFunction{URL: "http://function/", Headers: map[string]string{"X-Key": "s3cret"}}},
		Destination: stream.Destination{Directory: &stream.Directory{Path: "o"}},
	}.Encode()
	own := badgerlog.StreamReport{ID: buffer.StreamID{1}, Name: "clicks", Versions: []badgerlog.VersionReport{{
		Version: buffer.Version{Number: 1, Data: definition}, First: 1,
	}}}
	derived := own
	derived.Derived = true
	lines, err := inspectLines(&badgerlog.Report{Streams: []badgerlog.StreamReport{own, derived}}, false)
	if err != nil {
		t.Fatal(err)
	}
	var text, json strings.Builder
	for _, l := range lines {
		if err := errors.Join((&inspectCommand{}).print(&text, l), (&inspectCommand{JSON: true}).print(&json, l)); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{
		"\nstream clicks (01000000000000000000000000000000): 0 records accepted, ",
		"\nmade by the function of stream clicks (01000000000000000000000000000000): 0 records made, ",
	} {
		if strings.Count(text.String(), want) != 1 {
			t.Errorf("the text lacks %q:\n%s", want, text.String())
		}
	}
	if strings.Count(json.String(), `"derived":true`) != 1 {
		t.Errorf("the JSON does not tell the derived lane:\n%s", json.String())
	}
	if shown := text.String() + json.String(); strings.Contains(shown, "s3cret") || !strings.Contains(shown, "X-Key") {
		t.Errorf("the header is not masked:\n%s", shown)
	}
}

// What waits is summed up, with the age of the oldest: what would be lost with the directory.
func TestInspectSaysWhatWaits(t *testing.T) {
	arrival := time.Date(2026, 11, 27, 2, 3, 4, 0, time.UTC)
	for _, c := range []struct {
		stats buffer.StreamStats
		want  []string
	}{
		{buffer.StreamStats{}, []string{"\nno record waits for delivery\n"}},
		{buffer.StreamStats{Pending: 3, PendingBytes: 54, OldestArrival: arrival}, []string{
			", the oldest arrived 2026-11-27T02:03:04Z\n",
			"\n3 records in blocks of 54 bytes to be delivered: by a start of the node, or hydrant drain\n",
		}},
	} {
		lines, err := inspectLines(&badgerlog.Report{Streams: []badgerlog.StreamReport{{Name: "settled"}, {Name: "clicks", Stats: c.stats}}}, false)
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		for _, l := range lines {
			if err := (&inspectCommand{}).print(&text, l); err != nil {
				t.Fatal(err)
			}
		}
		for _, want := range c.want {
			if !strings.Contains(text.String(), want) {
				t.Errorf("the text lacks %q:\n%s", want, text.String())
			}
		}
	}
}

// A directory that is no node's is told from one that has lost its identity.
func TestInspectAsksForTheDataDirectory(t *testing.T) {
	err := (&inspectCommand{Dir: t.TempDir()}).Run(console{})
	if err == nil || !strings.Contains(err.Error(), "the data directory of a node, its data_dir?") {
		t.Errorf("of an empty directory inspect says %v", err)
	}
}

// Every bit of a definition that was made through the API is covered by its hash, and inspect names the one that turned.
func TestInspectNamesDamagedDefinitions(t *testing.T) {
	dir := t.TempDir()
	store, err := definitions.OpenDirectory(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"good", "bad"} {
		if _, err := store.Put(t.Context(), name, []byte("{}"), ""); err != nil {
			t.Fatal(err)
		}
	}
	if lines, err := definitionDamage(dir); err != nil || len(lines) != 0 {
		t.Errorf("of whole definitions: %v, %v", lines, err)
	}
	path := filepath.Join(dir, "bad.json")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for bit := range 8 * len(whole) {
		flipped := bytes.Clone(whole)
		flipped[bit/8] ^= 1 << (bit % 8)
		if err := os.WriteFile(path, flipped, 0o600); err != nil {
			t.Fatal(err)
		}
		lines, err := definitionDamage(dir)
		if err != nil || len(lines) != 1 || !strings.Contains(lines[0].text, "DAMAGE: the definition of stream bad is damaged") {
			t.Fatalf("bit %d: %v, %v", bit, lines, err)
		}
	}
}
