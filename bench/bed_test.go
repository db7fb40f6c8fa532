package bench

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
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
		a := newAuthor(testRun, producer, plain(recordSize, keyNames(3)))
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

// plain is material without an input.
// recordSize is that of records whose size does not matter.
const recordSize = 192

func plain(size int, keys []string) material { return material{size: size, maxSize: size, keys: keys} }
