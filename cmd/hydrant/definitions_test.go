package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"hydrant/stream/definitions"
)

// A definition that is damaged stops its own stream alone, and is counted.
func TestDamagedDefinitionsAreCounted(t *testing.T) {
	dir := t.TempDir()
	store, err := definitions.OpenDirectory(filepath.Join(dir, definitionsDir))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"one", "two"} {
		if _, err := store.Put(t.Context(), name, []byte("{}"), ""); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(filepath.Join(dir, definitionsDir, name+".json"), 10); err != nil {
			t.Fatal(err)
		}
	}
	c := mustLoad(t, "data_dir: "+dir+"\nbuffer: {max_disk: 200MiB}\nstreams: {demo: {destination: {directory: {path: "+t.TempDir()+"}}}}\n")
	n, err := openNode(c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := n.stop(0); err != nil {
			t.Error(err)
		}
	}()
	if got := gathered(t, n, "hydrant_damaged_definitions"); got != 2 {
		t.Errorf("got %v damaged definitions, want 2", got)
	}
	if _, ok := n.streams.Current("demo"); !ok {
		t.Error("a stream of the file is not served")
	}
}

// gathered is the value of a metric without labels.
func gathered(t *testing.T, n *node, name string) float64 {
	t.Helper()
	families, err := n.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}
