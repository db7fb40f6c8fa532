package bench

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestNothingIsProven(t *testing.T) {
	b := newBed(t)
	v := verifyIn(t, memory{}, b.ledger, VerifyOptions{})
	if diff := cmp.Diff(map[string]int64{Unproven: 1, Lost: 140}, v.Faults); diff != "" {
		t.Errorf("no objects (-want +got):\n%s", diff)
	}
	if v.Examples[0].Detail != "there is no object" || v.Examples[1].String() != "lost run 6f1c0a2b3c4d5e6f producer 0 n 0 to 99" {
		t.Errorf("got %v", v.Examples)
	}
	path := filepath.Join(t.TempDir(), "ledger")
	l, err := openLedger(path, otherRun, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.close(); err != nil {
		t.Fatal(err)
	}
	v = verifyIn(t, b.encode(), path, VerifyOptions{})
	if diff := cmp.Diff(map[string]int64{Unproven: 1}, v.Faults); diff != "" {
		t.Errorf("nothing acked (-want +got):\n%s", diff)
	}
}

func TestExamplesAreFew(t *testing.T) {
	b := newBed(t)
	for key := range b.objects {
		b.objects[key].lines = slices.DeleteFunc(b.objects[key].lines, func(line string) bool {
			r, _ := parseRecord([]byte(line))
			return r.n%2 == 1
		})
		b.put(key, strings.Replace(b.records[0][0], " ", "_", 1))
	}
	v := verifyIn(t, b.encode(), b.ledger, VerifyOptions{})
	shown := map[string]int{}
	for _, example := range v.Examples {
		shown[example.Kind]++
	}
	if diff := cmp.Diff(map[string]int{Lost: 20, Changed: 6}, shown); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if v.Faults[Lost] != 70 {
		t.Errorf("lost: got %d, want 70", v.Faults[Lost])
	}
}

func TestVerifyDirectory(t *testing.T) {
	b, dir := newBed(t), t.TempDir()
	write := func(key string, object []byte) {
		path := filepath.Join(dir, filepath.FromSlash(key))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, object, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for key, object := range b.encode() {
		write(key, object)
	}
	write("data/key=k0/.object-2.tmp", []byte("half a rec"))
	write(".lock/data", []byte("x"))
	o := VerifyOptions{Ledger: []string{b.ledger}, Dir: dir, ErrorPrefix: "errors/", Partition: "key", Parallel: 4}
	v, err := Verify(t.Context(), o, io.Discard)
	if err != nil || !v.OK() || v.Objects != 6 || v.Found != 141 {
		t.Errorf("got %+v, %v", v, err)
	}
	o.Dir = filepath.Join(dir, "nowhere")
	if _, err := Verify(t.Context(), o, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a directory that is not there: got %v", err)
	}
}

// failing is a source whose objects cannot be read to their end.
type failing struct{ memory }

func (f failing) open(ctx context.Context, key string) (io.ReadCloser, error) {
	object, err := f.memory.open(ctx, key)
	return io.NopCloser(io.MultiReader(io.LimitReader(object, 300), brokenPipe{})), err
}

type brokenPipe struct{}

func (brokenPipe) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }

// TestUnreadableIsNoVerdict: trouble on the way to an object says nothing of the object.
func TestUnreadableIsNoVerdict(t *testing.T) {
	bed := newBed(t)
	b, err := readLedgers([]string{bed.ledger})
	if err != nil {
		t.Fatal(err)
	}
	v := verifier{options: VerifyOptions{Parallel: 2}, books: b, source: failing{bed.encode()}, progress: io.Discard}
	if verdict, err := v.scanAll(t.Context()); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v, %v", verdict, err)
	}
}

// arriving is a source that delivery is still writing to.
type arriving struct {
	memory
	from time.Time
}

func (a arriving) list(ctx context.Context, visit func(key string) error) error {
	if time.Now().Before(a.from) {
		return nil
	}
	return a.memory.list(ctx, visit)
}

func TestVerifyWaits(t *testing.T) {
	bed := newBed(t)
	for _, c := range []struct {
		wait, arrives time.Duration
		ok            bool
	}{{time.Minute, 30 * time.Second, true}, {time.Minute, 2 * time.Minute, false}, {0, time.Second, false}} {
		synctest.Test(t, func(t *testing.T) {
			b, err := readLedgers([]string{bed.ledger})
			if err != nil {
				t.Fatal(err)
			}
			started := time.Now()
			v, err := await(t.Context(), verifier{
				options: VerifyOptions{Parallel: 1, Wait: c.wait}, books: b,
				source: arriving{bed.encode(), started.Add(c.arrives)}, progress: io.Discard,
			})
			if err != nil || v.OK() != c.ok {
				t.Errorf("waiting %v for what comes after %v: got %+v, %v", c.wait, c.arrives, v, err)
			}
			if got, limit := time.Since(started), min(c.wait, c.arrives+time.Second); got > limit {
				t.Errorf("waiting %v for what comes after %v took %v", c.wait, c.arrives, got)
			}
		})
	}
}

func TestVerdictAsTextAndJSON(t *testing.T) {
	b := newBed(t)
	var text, packed bytes.Buffer
	v := verifyIn(t, b.encode(), b.ledger, VerifyOptions{})
	if err := errors.Join(v.WriteText(&text), v.WriteJSON(&packed)); err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(text.String(), "\nOK: every acknowledged record was found once and unchanged\n") {
		t.Errorf("got %s", text.String())
	}
	if !strings.HasPrefix(packed.String(), "{\n  \"ok\": true,\n  \"runs\": 1,\n  \"acked_records\": 140,") {
		t.Errorf("got %s", packed.String())
	}
	text.Reset()
	delete(b.objects, "data/key=k0/object-0")
	if err := verifyIn(t, b.encode(), b.ledger, VerifyOptions{}).WriteText(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\nlost     21\n", "  lost run 6f1c0a2b3c4d5e6f producer ", "\nFAULT: "} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
}

// BenchmarkScan reads an object of 20,000 records, as stored.
func BenchmarkScan(b *testing.B) {
	const records = 20_000
	books := newBooks()
	a := newAuthor(testRun, 0, plain(512, keyNames(16)))
	var plain []byte
	err := books.enter(ledgerLine{run: testRun, start: true, producers: 1, batch: records})
	err = errors.Join(err, books.enter(ledgerLine{run: testRun, to: records}))
	if err != nil {
		b.Fatal(err)
	}
	books.close()
	for n := range uint64(records) {
		plain = append(a.append(plain, n), '\n')
	}
	for name, object := range map[string][]byte{"plain": plain, "gzip": pack(plain)} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(plain)))
			b.ReportAllocs()
			for range b.N {
				books.forget()
				s := newScan(books, VerifyOptions{}, "data/object")
				if err := s.read(bytes.NewReader(object)); err != nil || s.findings.records != records {
					b.Fatal(err, s.findings)
				}
			}
		})
	}
}
