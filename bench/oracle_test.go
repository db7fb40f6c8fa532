package bench

import (
	"fmt"
	"io"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// A naive oracle knows each record's outcome and how often it was stored.
type oracle struct {
	outcome map[string]outcome
	stored  map[string]int
}

// verdict judges record by record, without ranges or bitmaps.
func (o oracle) verdict() (faults map[string]int64, found, unknownFound int64) {
	faults = map[string]int64{}
	add := func(kind string, n int) {
		if n > 0 {
			faults[kind] += int64(n)
		}
	}
	acks := 0
	for line, outcome := range o.outcome {
		times := o.stored[line]
		if outcome == acked {
			acks++
		}
		if outcome == acked && times == 0 {
			add(Lost, 1)
		}
		if times == 0 {
			continue
		}
		found++
		add(Doubled, times-1)
		switch outcome {
		case refused:
			add(RefusedFound, 1)
		case unknown:
			unknownFound++
		}
	}
	if acks == 0 {
		add(Unproven, 1)
	}
	return faults, found, unknownFound
}

// TestVerdictAgreesWithNaiveOracle draws runs and what is stored of them, and compares verdicts.
func TestVerdictAgreesWithNaiveOracle(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		o := oracle{map[string]outcome{}, map[string]int{}}
		var ledgers []string
		objects := memory{}
		for range rapid.IntRange(1, 2).Draw(t, "runs") {
			run := newRunID()
			path := filepath.Join(dir, run)
			ledgers = append(ledgers, path)
			producers := rapid.IntRange(1, 3).Draw(t, "producers")
			l, err := openLedger(path, run, producers, 8)
			if err != nil {
				t.Fatal(err)
			}
			for p := range producers {
				o.drawProducer(t, l, run, p, objects)
			}
			if err := l.close(); err != nil {
				t.Fatal(err)
			}
		}
		b, err := readLedgers(ledgers)
		if err != nil {
			t.Fatal(err)
		}
		verify := verifier{options: VerifyOptions{Parallel: 3}, books: b, source: objects, progress: io.Discard}
		v, err := verify.scanAll(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		faults, found, unknownFound := o.verdict()
		if len(objects) == 0 {
			faults[Unproven]++
		}
		if diff := cmp.Diff(faults, v.Faults); diff != "" {
			t.Fatalf("faults (-want +got):\n%s", diff)
		}
		if v.Found != found || v.UnknownFound != unknownFound {
			t.Fatalf("found: got %d, of unknown outcome %d, want %d and %d", v.Found, v.UnknownFound, found, unknownFound)
		}
	})
}

// drawProducer gives one producer's records outcomes, and stores each a few times.
func (o oracle) drawProducer(t *rapid.T, l *ledger, run string, producer int, objects memory) {
	a, next := newAuthor(run, producer, plain(recordSize, keyNames(2))), uint64(0)
	for range rapid.IntRange(0, 20).Draw(t, "requests") {
		p := part{
			records: rapid.IntRange(1, 8).Draw(t, "records"),
			outcome: rapid.SampledFrom([]outcome{acked, acked, refused, unknown}).Draw(t, "outcome"),
		}
		if _, err := l.append(nil, producer, next, []part{p}); err != nil {
			t.Fatal(err)
		}
		for range p.records {
			line := string(a.append(nil, next))
			next++
			o.outcome[line] = p.outcome
			o.stored[line] = o.drawTimes(t, p.outcome)
			for range o.stored[line] {
				key := fmt.Sprintf("object-%d", rapid.IntRange(0, 4).Draw(t, "object"))
				objects[key] = append(append(objects[key], line...), '\n')
			}
		}
	}
}

// drawTimes is mostly as it should be.
func (oracle) drawTimes(t *rapid.T, outcome outcome) int {
	if rapid.IntRange(0, 9).Draw(t, "chance") == 0 {
		return rapid.IntRange(0, 3).Draw(t, "times")
	}
	if outcome == acked {
		return 1
	}
	return 0
}

// FuzzScan checks that no object's content makes an error or a panic, and that rubbish never passes for a record.
func FuzzScan(f *testing.F) {
	record := newAuthor(testRun, 0, plain(recordSize, keyNames(1))).append(nil, 0)
	f.Add(append(record, '\n'), false)
	f.Add(pack(append(record, '\n')), false)
	f.Add([]byte(errorLine(string(record))+"\n"), true)
	f.Add([]byte("\x1f\x8b\x08"), false)
	f.Fuzz(func(t *testing.T, object []byte, errorOutput bool) {
		b := newBooks()
		_ = b.enter(ledgerLine{run: testRun, start: true, producers: 1, batch: 10})
		b.close()
		s := &scan{books: b, key: "object", errorOutput: errorOutput, partition: "key"}
		source := &oneByOne{object}
		if err := s.read(source); err != nil {
			t.Fatal(err)
		}
		if s.findings.records != b.runs[testRun].producers[0].found.count() {
			t.Errorf("got %+v", s.findings)
		}
	})
}

// oneByOne reads as a slow connection does.
type oneByOne struct{ rest []byte }

func (r *oneByOne) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.rest[:1])
	r.rest = r.rest[n:]
	return n, nil
}
