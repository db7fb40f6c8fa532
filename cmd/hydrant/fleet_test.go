package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hydrant/stream/definitions"
)

// sickStore is a fleet's store that takes only so many changes.
type sickStore struct {
	definitions.Store
	takes int
}

func (s *sickStore) Put(ctx context.Context, name string, data []byte, expected definitions.Version) (definitions.Version, error) {
	if s.takes--; s.takes < 0 {
		return "", errors.New("the store is away")
	}
	return s.Store.Put(ctx, name, data, expected)
}

func openDirectory(t *testing.T, dir string, documents map[string]string) definitions.Store {
	t.Helper()
	store, err := definitions.OpenDirectory(dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range documents {
		if _, err := store.Put(t.Context(), name, []byte(text), ""); err != nil {
			t.Fatal(err)
		}
	}
	return store
}

func wantDocuments(t *testing.T, store definitions.Store, want map[string]string) {
	t.Helper()
	documents, err := store.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, document := range documents {
		if string(document.Data) != want[name] {
			t.Errorf("the stream %s is %s, want %q", name, document.Data, want[name])
		}
	}
	if len(documents) != len(want) {
		t.Errorf("there are %d streams, want %d", len(documents), len(want))
	}
}

// The streams that a node had alone become the fleet's when it joins, once, but for names that the fleet has already: those
// stay the fleet's, and the log says so. A store that goes away in between leaves each stream where it is, for the next start.
func TestNodeJoinsFleet(t *testing.T) {
	dir := t.TempDir()
	own := openDirectory(t, dir, map[string]string{"a": "mine a", "b": "mine b", "c": "mine c"})
	fleet := openDirectory(t, t.TempDir(), map[string]string{"b": "theirs b", "d": "theirs d"})
	var told bytes.Buffer
	log := slog.New(slog.NewTextHandler(&told, nil))
	for range 5 { // each time the store takes one change and is away then
		if err := joinFleet(t.Context(), dir, &sickStore{fleet, 1}, log); err == nil {
			break
		}
		mine, err := own.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := fleet.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"a", "b", "c"} {
			if mine[name].Data == nil && theirs[name].Data == nil {
				t.Errorf("stream %s is lost on its way", name)
			}
		}
	}
	wantDocuments(t, own, nil)
	all := map[string]string{"a": "mine a", "b": "theirs b", "c": "mine c", "d": "theirs d"}
	wantDocuments(t, fleet, all)
	if n := strings.Count(told.String(), "the one that this node had alone is given up"); n != 1 || strings.Count(told.String(), "is the fleet's now") != 2 {
		t.Errorf("the log says\n%s", told.String())
	}
	if err := joinFleet(t.Context(), dir, &sickStore{fleet, 0}, log); err != nil {
		t.Errorf("with nothing left to bring: %v", err)
	}
	wantDocuments(t, fleet, all)
}

// A node whose fleet's store is away when it is to join brings its streams there as soon as the store answers, and one of them
// that is damaged keeps back no other.
func TestNodeJoinsLater(t *testing.T) {
	dir := t.TempDir()
	own := openDirectory(t, dir, map[string]string{"a": "mine a", "bad": "mine"})
	if err := os.WriteFile(filepath.Join(dir, "bad.json"), []byte("not its hash\ntext"), 0o600); err != nil {
		t.Fatal(err)
	}
	fleet := openDirectory(t, t.TempDir(), map[string]string{"b": "theirs b"})
	var told bytes.Buffer
	store := &joining{Store: &sickStore{fleet, 0}, own: dir, log: slog.New(slog.NewTextHandler(&told, nil))}
	if documents, err := store.Load(t.Context()); err == nil {
		t.Errorf("before it has joined it knows %v", documents)
	}
	store.Store = fleet
	all := map[string]string{"a": "mine a", "b": "theirs b"}
	wantDocuments(t, store, all)
	if _, err := own.Put(t.Context(), "a", []byte("again"), ""); err != nil {
		t.Errorf("what was brought is still there: %v", err)
	}
	wantDocuments(t, store, all)
	if text := told.String(); strings.Count(text, "bad.json") != 1 {
		t.Errorf("the log says\n%s", text)
	}
}

// A node that was killed when it had brought a stream to the fleet, and still had it, finds it there: nothing is given up.
func TestNodeIsKilledWhileItJoins(t *testing.T) {
	dir := t.TempDir()
	own := openDirectory(t, dir, map[string]string{"a": "mine a", "b": "mine b"})
	fleet := openDirectory(t, t.TempDir(), map[string]string{"a": "mine a"})
	var told bytes.Buffer
	if err := joinFleet(t.Context(), dir, fleet, slog.New(slog.NewTextHandler(&told, nil))); err != nil {
		t.Fatal(err)
	}
	wantDocuments(t, own, nil)
	wantDocuments(t, fleet, map[string]string{"a": "mine a", "b": "mine b"})
	if text := told.String(); strings.Contains(text, "given up") || strings.Count(text, "is the fleet's now") != 2 {
		t.Errorf("the log says\n%s", text)
	}
}
