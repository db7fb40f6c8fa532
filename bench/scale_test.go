package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// One record in a million is missing, and the verdict says so, in memory of a few bits a record.
// HYDRANT_TEST_ORACLE=100000000 does the same with more records.
func TestVerdictOnManyRecords(t *testing.T) {
	const bytesARecord, fixed = 1, 64 << 20
	records := uint64(1_000_000)
	if text := os.Getenv("HYDRANT_TEST_ORACLE"); text != "" {
		var err error
		if records, err = strconv.ParseUint(text, 10, 40); err != nil {
			t.Fatalf("HYDRANT_TEST_ORACLE: %v", err)
		}
	}
	s := madeUp{producers: 8, each: records / 8, object: 50_000, missing: records / 16}
	ledger := filepath.Join(t.TempDir(), "ledger")
	s.acknowledge(t, ledger)
	before := heap()
	b, err := readLedgers([]string{ledger})
	if err != nil {
		t.Fatal(err)
	}
	entered := heap()
	v, err := verifier{options: VerifyOptions{Parallel: 2}, books: b, source: s, progress: io.Discard}.scanAll(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	scanned := heap()
	runtime.KeepAlive(b)
	if diff := cmp.Diff(map[string]int64{Lost: 1}, v.Faults); diff != "" || v.Acked != int64(records) || v.Found != v.Acked-1 {
		t.Errorf("got %+v %s", v, diff)
	}
	t.Logf("%d records in %.1f s: %.2f MB of ledger's books, %.2f MB after the scan", records, v.Seconds,
		float64(entered-before)/1e6, float64(scanned-before)/1e6)
	if held := max(entered, scanned) - before; held > int64(records)*bytesARecord+fixed {
		t.Errorf("the oracle holds %d bytes for %d records", held, records)
	}
}

// heap is what is in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// madeUp is a destination that makes its objects when they are read: all records of a run but one of the first producer's.
type madeUp struct {
	producers int
	each      uint64 // records of a producer
	object    uint64 // records in an object
	missing   uint64
}

// acknowledge writes the ledger of such a run.
func (m madeUp) acknowledge(t *testing.T, path string) {
	t.Helper()
	const batch = 500
	l, err := openLedger(path, testRun, m.producers, batch)
	if err != nil {
		t.Fatal(err)
	}
	var scratch []byte
	for p := range m.producers {
		for n := uint64(0); n < m.each; n += batch {
			if scratch, err = l.append(scratch, p, n, []part{{records: int(min(batch, m.each-n)), outcome: acked}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := l.close(); err != nil {
		t.Fatal(err)
	}
}

func (m madeUp) list(_ context.Context, visit func(key string) error) error {
	for p := range m.producers {
		for first := uint64(0); first < m.each; first += m.object {
			if err := visit(fmt.Sprintf("%d/%d", p, first)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m madeUp) open(_ context.Context, key string) (io.ReadCloser, error) {
	o := &madeUpObject{}
	if _, err := fmt.Sscanf(key, "%d/%d", &o.producer, &o.next); err != nil {
		return nil, err
	}
	o.end, o.missing = min(m.each, o.next+m.object), m.missing
	o.author = newAuthor(testRun, o.producer, plain(recordSize, keyNames(7)))
	return io.NopCloser(o), nil
}

type madeUpObject struct {
	author             *author
	producer           int
	next, end, missing uint64
	buffer             bytes.Buffer
	scratch            []byte
}

func (o *madeUpObject) Read(p []byte) (int, error) {
	for o.buffer.Len() < len(p) && o.next < o.end {
		if o.producer != 0 || o.next != o.missing {
			o.scratch = append(o.author.append(o.scratch[:0], o.next), '\n')
			o.buffer.Write(o.scratch)
		}
		o.next++
		o.author.sizes = o.author.sizes[:0]
	}
	return o.buffer.Read(p)
}
