package bench

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const otherRun = "9999999999999999"

// A bed is a ledger and the objects that it promises: producer 0 had 100 records acked; producer 1 had 40 acked, then 5
// refused, then 5 of unknown outcome, of which the first was stored; the batch is 10.
type bed struct {
	ledger  string
	records [2][]string // by producer and n, with those that may be under way at the end
	objects map[string]*object
}

type object struct {
	lines []string
	plain bool
}

func newBed(t *testing.T) *bed {
	b := &bed{ledger: filepath.Join(t.TempDir(), "ledger"), objects: map[string]*object{}}
	l, err := openLedger(b.ledger, testRun, 2, 10)
	if err != nil {
		t.Fatal(err)
	}
	enter := func(producer int, first uint64, o outcome, records int) {
		if _, err := l.append(nil, producer, first, []part{{records: records, outcome: o}}); err != nil {
			t.Fatal(err)
		}
	}
	for n := uint64(0); n < 100; n += 10 {
		enter(0, n, acked, 10)
	}
	for n := uint64(0); n < 40; n += 10 {
		enter(1, n, acked, 10)
	}
	enter(1, 40, refused, 5)
	enter(1, 45, unknown, 5)
	if err := l.close(); err != nil {
		t.Fatal(err)
	}
	for producer, records := range []uint64{111, 61} {
		a := newAuthor(testRun, producer, minRecordSize, keyNames(3))
		for n := range records {
			b.records[producer] = append(b.records[producer], string(a.append(nil, n)))
		}
	}
	for i, record := range slices.Concat(b.records[0][:100], b.records[1][:40], b.records[1][45:46]) {
		b.put(keyOf(record, i%2), record)
	}
	return b
}

// keyOf is an object's key for a record: two objects for each key, one of them compressed.
func keyOf(record string, part int) string {
	r, _ := parseRecord([]byte(record))
	return fmt.Sprintf("data/key=%s/object-%d", r.key, part)
}

func (b *bed) put(key, line string) {
	if b.objects[key] == nil {
		b.objects[key] = &object{plain: strings.HasSuffix(key, "0")}
	}
	b.objects[key].lines = append(b.objects[key].lines, line)
}

// find is the object that holds a record of producer 0, and its place there.
func (b *bed) find(n int) (o *object, at int) {
	o = b.objects[keyOf(b.records[0][n], n%2)]
	return o, slices.Index(o.lines, b.records[0][n])
}

// encode is the objects as they are stored.
func (b *bed) encode() memory {
	m := memory{}
	for key, o := range b.objects {
		m[key] = []byte(strings.Join(o.lines, "\n") + "\n")
		if !o.plain {
			m[key] = pack(m[key])
		}
	}
	return m
}

func pack(data []byte) []byte {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = w.Write(data) // a bytes.Buffer takes everything
	_ = w.Close()
	return packed.Bytes()
}

func errorLine(record string) string {
	return `{"attemptsMade":1,"errorCode":"X","rawData":"` + base64.StdEncoding.EncodeToString([]byte(record)) + `"}`
}

// TestMutants: the untouched bed is good, and each change turns the verdict exactly as documented.
func TestMutants(t *testing.T) {
	const first, inFirst = "data/key=k0/object-0", 21 // uncompressed; object-1 is compressed
	for _, c := range []struct {
		name   string
		mutate func(b *bed)
		store  func(m memory) // changes the stored bytes
		want   map[string]int64
		check  func(v *Verdict) bool
	}{
		{name: "nothing changed"},
		{
			name: "a record dropped", want: map[string]int64{Lost: 1},
			mutate: func(b *bed) { o, at := b.find(50); o.lines = slices.Delete(o.lines, at, at+1) },
		},
		{
			name: "a record doubled in its object", want: map[string]int64{Doubled: 1},
			mutate: func(b *bed) { o, at := b.find(50); o.lines = append(o.lines, o.lines[at]) },
		},
		{
			name: "a record three times, in another object too", want: map[string]int64{Doubled: 2},
			mutate: func(b *bed) {
				r := b.records[0][50]
				b.put(keyOf(r, 1), r)
				b.put("data/"+strings.Split(keyOf(r, 0), "/")[1]+"/new-0", r)
			},
		},
		{
			name: "an object doubled", want: map[string]int64{Doubled: inFirst},
			mutate: func(b *bed) {
				b.objects["data/key=k0/copy"] = b.objects[first]
				b.objects["data/key=k0/copy"].lines = slices.Clip(b.objects[first].lines)
			},
		},
		{
			name: "an object missing", want: map[string]int64{Lost: inFirst},
			mutate: func(b *bed) { delete(b.objects, first) },
		},
		{
			name: "a byte of a pad changed", want: map[string]int64{Changed: 1, Lost: 1},
			mutate: func(b *bed) { o, at := b.find(50); o.lines[at] = strings.Replace(o.lines[at], " ", "_", 1) },
		},
		{
			name: "a byte of the form changed", want: map[string]int64{Changed: 1, Lost: 1},
			mutate: func(b *bed) {
				o, at := b.find(50)
				o.lines[at] = strings.Replace(o.lines[at], "producer", "Producer", 1)
			},
		},
		{
			name: "the name of the run changed", want: map[string]int64{Changed: 1, Lost: 1},
			mutate: func(b *bed) { o, at := b.find(50); o.lines[at] = strings.Replace(o.lines[at], testRun, otherRun, 1) },
		},
		{
			name: "two records run together", want: map[string]int64{Changed: 1, Lost: 2},
			mutate: func(b *bed) {
				o, at := b.find(50)
				next := (at + 1) % len(o.lines)
				o.lines[at] += o.lines[next]
				o.lines = slices.Delete(o.lines, next, next+1)
			},
			check: func(v *Verdict) bool { return v.Found == 139 },
		},
		{
			name: "a record of unknown outcome absent", check: func(v *Verdict) bool { return v.UnknownFound == 0 },
			mutate: func(b *bed) {
				for _, o := range b.objects {
					o.lines = slices.DeleteFunc(o.lines, func(l string) bool { return l == b.records[1][45] })
				}
			},
		},
		{
			name: "another record of unknown outcome present", check: func(v *Verdict) bool { return v.UnknownFound == 2 },
			mutate: func(b *bed) { b.put(keyOf(b.records[1][49], 0), b.records[1][49]) },
		},
		{
			name: "a record under way at the end present", check: func(v *Verdict) bool { return v.UnknownFound == 2 },
			mutate: func(b *bed) { b.put(keyOf(b.records[0][109], 0), b.records[0][109]) },
		},
		{
			name: "a record that was never sent", want: map[string]int64{Unsent: 1},
			mutate: func(b *bed) { b.put(keyOf(b.records[0][110], 0), b.records[0][110]) },
		},
		{
			name: "a record of a producer that there is not", want: map[string]int64{Unsent: 1},
			mutate: func(b *bed) {
				r := string(newAuthor(testRun, 2, minRecordSize, []string{"k0"}).append(nil, 0))
				b.put(keyOf(r, 0), r)
			},
		},
		{
			name: "a record of unknown outcome twice", want: map[string]int64{Doubled: 1},
			mutate: func(b *bed) { b.put(keyOf(b.records[1][45], 0), b.records[1][45]) },
		},
		{
			name: "a refused record present", want: map[string]int64{RefusedFound: 1},
			mutate: func(b *bed) { b.put(keyOf(b.records[1][44], 0), b.records[1][44]) },
		},
		{
			name: "a record misplaced", want: map[string]int64{Misplaced: 1},
			mutate: func(b *bed) {
				o, at := b.find(50)
				r := o.lines[at]
				o.lines = slices.Delete(o.lines, at, at+1)
				for _, other := range []string{"data/key=k0/object-0", "data/key=k1/object-0"} {
					if !strings.HasPrefix(keyOf(r, 0), other) {
						b.put(other, r)
						return
					}
				}
			},
		},
		{
			name: "an object without its segment", want: map[string]int64{Misplaced: inFirst},
			mutate: func(b *bed) { b.objects["data/key=k0"] = b.objects[first]; delete(b.objects, first) },
		},
		{
			name: "lines of others", check: func(v *Verdict) bool { return v.Foreign == 4 },
			mutate: func(b *bed) {
				b.put(first, `{"run":"abc"}`)
				b.put(first, "")
				b.put(first, "hello")
				b.put(first, string(newAuthor(otherRun, 0, minRecordSize, keyNames(1)).append(nil, 0)))
			},
		},
		{
			name: "a record in the error output", check: func(v *Verdict) bool { return v.ErrorOutput == 1 && v.Found == 141 },
			mutate: func(b *bed) {
				o, at := b.find(50)
				o.lines[at], o.lines = o.lines[len(o.lines)-1], o.lines[:len(o.lines)-1]
				b.put("errors/object", errorLine(b.records[0][50]+"\n"))
			},
		},
		{
			name: "a record in both", want: map[string]int64{Doubled: 1},
			mutate: func(b *bed) { b.put("errors/object", errorLine(b.records[0][50])) },
		},
		{
			name: "an error output that is none", want: map[string]int64{Broken: 2},
			mutate: func(b *bed) {
				b.put("errors/object-a", b.records[0][110])
				b.put("errors/object-b", `{"rawData":"%%%"}`)
			},
		},
		{
			name: "a compressed object cut", want: map[string]int64{Broken: 1, Lost: 1},
			store: func(m memory) {
				m["data/key=k0/object-1"] = m["data/key=k0/object-1"][:len(m["data/key=k0/object-1"])-100]
			},
			check: func(v *Verdict) bool { return v.Faults[Lost] > 0 },
		},
		{
			name: "a bit of a compressed object flipped", want: map[string]int64{Broken: 1, Lost: 1},
			store: func(m memory) { m["data/key=k0/object-1"][len(m["data/key=k0/object-1"])/2] ^= 4 },
		},
		{
			name: "the check of a compressed object changed", want: map[string]int64{Broken: 1},
			store: func(m memory) { m["data/key=k0/object-1"][len(m["data/key=k0/object-1"])-8] ^= 1 },
		},
		{
			name: "rubbish after a compressed object", want: map[string]int64{Broken: 1},
			store: func(m memory) { m["data/key=k0/object-1"] = append(m["data/key=k0/object-1"], "rubbish"...) },
		},
		{
			name: "an object cut within its last record", want: map[string]int64{Broken: 1, Lost: 1},
			store: func(m memory) { m[first] = m[first][:len(m[first])-2] },
		},
		{
			name: "an object cut before its last line feed", want: map[string]int64{Broken: 1},
			store: func(m memory) { m[first] = m[first][:len(m[first])-1] },
		},
		{
			name: "an object cut between records", want: map[string]int64{Lost: 1},
			store: func(m memory) { m[first] = m[first][:len(m[first])-minRecordSize-1] },
		},
		{
			name: "an empty object", want: map[string]int64{Broken: 1},
			store: func(m memory) { m["data/empty"] = nil },
		},
		{
			name: "a compressed object of nothing", want: map[string]int64{Broken: 1},
			store: func(m memory) { m["data/empty.gz"] = pack(nil) },
		},
		{
			name: "an object in zstd", want: map[string]int64{Broken: 1},
			store: func(m memory) { m["data/object.zst"] = []byte("\x28\xb5\x2f\xfd....") },
		},
		{
			name: "an endless line", want: map[string]int64{Broken: 1},
			store: func(m memory) { m["data/long"] = bytes.Repeat([]byte("x"), longestLine+1<<17) },
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBed(t)
			if c.mutate != nil {
				c.mutate(b)
			}
			m := b.encode()
			if c.store != nil {
				c.store(m)
			}
			v := verifyIn(t, m, b.ledger, VerifyOptions{ErrorPrefix: "errors/", Partition: "key"})
			if v.OK() != (c.want == nil) {
				t.Errorf("OK: got %v", v.OK())
			}
			if diff := cmp.Diff(c.want, faultsUpTo(v.Faults, c.want)); diff != "" {
				t.Errorf("faults (-want +got):\n%s%v", diff, v.Examples)
			}
			if c.check != nil && !c.check(v) {
				t.Errorf("got %+v", v)
			}
			if c.want == nil && (v.Acked != 140 || v.Refused != 5 || v.Unknown != 5) {
				t.Errorf("ledger: got %+v", v)
			}
		})
	}
}

// faultsUpTo leaves of the kinds that damage within a compressed object makes only that they are there: how many records
// are behind it is the compressor's affair.
func faultsUpTo(got, want map[string]int64) map[string]int64 {
	if want[Broken] == 0 || want[Lost] == 0 {
		return got
	}
	got = maps.Clone(got)
	if delete(got, Changed); got[Lost] > 0 {
		got[Lost] = 1
	}
	return got
}

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
	a := newAuthor(testRun, 0, 512, keyNames(16))
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
