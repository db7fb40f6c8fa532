package badgerlog

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hydrant/buffer"
	"hydrant/buffer/checked"
)

var update = flag.Bool("update", false, "write testdata/format1.tar.gz anew")

// oldDir is a data directory of format 1, as the first version left it: whatever comes later must deliver what it holds.
const oldDir = "testdata/format1.tar.gz"

// A directory of an older version is read: its records, its cursor and its state.
func TestFormat1IsRead(t *testing.T) {
	if *update {
		writeOldDir(t)
	}
	dir := filepath.Join(t.TempDir(), "log")
	unpack(t, oldDir, dir)
	id, err := readIdentity(dir)
	if err != nil || id.Format != 1 {
		t.Fatalf("the directory's identity: %+v, %v", id, err)
	}
	r := openRig(t, Config{Dir: dir, MaxDisk: MinDisk})
	equal(t, "records", r.records(), []string{"second", "third"})
	if state := maps.Collect(r.lane.State()); string(state["k"]) != "state" {
		t.Errorf("the state is %q", state)
	}
	if seq := r.mustAdd("fourth"); seq <= 3 {
		t.Errorf("the next record has the sequence %d, which one before it had", seq)
	}
}

// What a newer version wrote is left as it is, and the error says what to do. So does inspect's.
func TestUnknownFormatIsRefused(t *testing.T) {
	dir, _ := closedWith(t, 1)
	id, err := readIdentity(dir)
	if err != nil {
		t.Fatal(err)
	}
	id.Format = sealedVersion + 1
	if err := id.write(dir); err != nil {
		t.Fatal(err)
	}
	const want = "was written in format 3; this version reads formats 1 and 2: start the version that wrote it"
	if _, err := Open(Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("it opens, or says %v", err)
	}
	if _, err := Inspect(dir); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("inspect reads it, or says %v", err)
	}
	var left identity
	if err := checked.Read(filepath.Join(dir, identityName), &left); err != nil || left != id {
		t.Errorf("the identity was %+v and is %+v, %v", id, left, err)
	}
}

// writeOldDir keeps what this version leaves when it is killed. Do it only for a format that no release has written.
func writeOldDir(t *testing.T) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "log")
	r := openRig(t, Config{Dir: dir, MaxDisk: MinDisk})
	first := r.mustAdd("first")
	if err := r.lane.Commit(t.Context(), buffer.Change{Put: []buffer.Entry{{Key: "k", Value: []byte("state")}}}); err != nil {
		t.Fatal(err)
	}
	r.mustAdd("second")
	r.settle(first)
	r.mustAdd("third")
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	archive := tar.NewWriter(zipped)
	err := archive.AddFS(os.DirFS(copyDir(t, dir)))
	if err = errors.Join(err, archive.Close(), zipped.Close()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(oldDir, packed.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func unpack(t *testing.T, file, to string) {
	t.Helper()
	packed, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	zipped, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	archive := tar.NewReader(zipped)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if path := filepath.Join(to, h.Name); h.FileInfo().IsDir() {
			err = os.MkdirAll(path, 0o755)
		} else {
			err = unpackFile(path, archive)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func unpackFile(path string, from io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, from)
	return errors.Join(err, f.Close())
}
