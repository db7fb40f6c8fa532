package bench

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestLedgerLineForm(t *testing.T) {
	for _, c := range []struct {
		line ledgerLine
		want string
	}{
		{ledgerLine{run: testRun, start: true, producers: 64, batch: 500}, "run 6f1c0a2b3c4d5e6f 64 500 "},
		{ledgerLine{run: testRun, outcome: acked, producer: 12, from: 345, to: 400}, "acked 6f1c0a2b3c4d5e6f 12 345 400 "},
		{ledgerLine{run: testRun, outcome: refused, to: 1}, "refused 6f1c0a2b3c4d5e6f 0 0 1 "},
		{ledgerLine{run: testRun, outcome: unknown, to: 1}, "unknown 6f1c0a2b3c4d5e6f 0 0 1 "},
	} {
		text := c.line.appendTo(nil)
		if !strings.HasPrefix(string(text), c.want) || len(text) != len(c.want)+9 {
			t.Errorf("got %q, want %q and a check", text, c.want)
		}
		got, err := parseLedgerLine(bytes.TrimSuffix(text, []byte("\n")))
		if err != nil || got != c.line {
			t.Errorf("got %+v, %v, want %+v", got, err, c.line)
		}
	}
}

func TestEveryChangeOfALedgerLineShows(t *testing.T) {
	text := ledgerLine{run: testRun, producer: 12, from: 345, to: 400}.appendTo(nil)
	text = text[:len(text)-1]
	for i := range text {
		for bit := range 8 {
			changed := bytes.Clone(text)
			changed[i] ^= 1 << bit
			if line, err := parseLedgerLine(changed); err == nil {
				t.Errorf("bit %d of byte %d changed does not show: %+v", bit, i, line)
			}
		}
		if line, err := parseLedgerLine(text[:i]); err == nil {
			t.Errorf("cut after %d bytes does not show: %+v", i, line)
		}
	}
}

// TestLedgerRoundTrip writes random outcomes of several producers and reads them back.
func TestLedgerRoundTrip(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		path := filepath.Join(dir, newRunID())
		run, producers := newRunID(), rapid.IntRange(1, 4).Draw(t, "producers")
		l, err := openLedger(path, run, producers, 10)
		if err != nil {
			t.Fatal(err)
		}
		want := make([][]outcome, producers)
		for range rapid.IntRange(0, 30).Draw(t, "requests") {
			p := rapid.IntRange(0, producers-1).Draw(t, "producer")
			first := uint64(len(want[p]))
			var parts []part
			for range rapid.IntRange(1, 3).Draw(t, "parts") {
				o := outcome(rapid.IntRange(0, int(outcomes)-1).Draw(t, "outcome"))
				n := rapid.IntRange(1, 10).Draw(t, "records")
				parts = append(parts, part{records: n, outcome: o})
				for range n {
					want[p] = append(want[p], o)
				}
			}
			if _, err := l.append(nil, p, first, parts); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.close(); err != nil {
			t.Fatal(err)
		}
		b, err := readLedgers([]string{path})
		if err != nil {
			t.Fatal(err)
		}
		for p, outcomes := range want {
			page := &b.runs[run].producers[p]
			if page.next != uint64(len(outcomes)) {
				t.Fatalf("producer %d: got %d records, want %d", p, page.next, len(outcomes))
			}
			for n, o := range outcomes {
				if got := outcomeOf(page, uint64(n)); got != o {
					t.Fatalf("producer %d n %d: got %v, want %v", p, n, got, o)
				}
			}
		}
	})
}

func outcomeOf(page *producerBook, n uint64) outcome {
	switch {
	case page.acked.has(n):
		return acked
	case page.refused.has(n):
		return refused
	}
	return unknown
}

// TestLedgerTornLine cuts a ledger at every byte: what is left of the last line counts for nothing, and the next run
// writes after the last whole line.
func TestLedgerTornLine(t *testing.T) {
	whole := ledgerLine{run: testRun, start: true, producers: 1, batch: 5}.appendTo(nil)
	first := len(whole)
	whole = ledgerLine{run: testRun, outcome: acked, to: 5}.appendTo(whole)
	for cut := first; cut < len(whole); cut++ {
		path := filepath.Join(t.TempDir(), "ledger")
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		b, err := readLedgers([]string{path})
		if err != nil || b.runs[testRun].producers[0].next != 0 {
			t.Fatalf("cut at %d: got %v", cut, err)
		}
		l, err := openLedger(path, "2222222222222222", 1, 5)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.append(nil, 0, 0, []part{{records: 5}}); err != nil {
			t.Fatal(err)
		}
		if err := l.close(); err != nil {
			t.Fatal(err)
		}
		b, err = readLedgers([]string{path})
		if err != nil || len(b.runs) != 2 || b.runs["2222222222222222"].producers[0].next != 5 {
			t.Fatalf("cut at %d, then used again: got %v", cut, err)
		}
	}
}

// A disk that was full for a moment must not leave half a line with whole ones behind it: no verifier could read them.
func TestLedgerEndsWithItsFirstFailure(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	l, err := openLedger(path, testRun, 1, 10)
	if err != nil {
		t.Fatal(err)
	}
	whole := l.file
	if l.file, err = os.Open(path); err != nil { // which cannot be written
		t.Fatal(err)
	}
	_, first := l.append(nil, 0, 0, []part{{records: 10}})
	if err := l.file.Close(); err != nil {
		t.Fatal(err)
	}
	l.file = whole
	if _, err := l.append(nil, 0, 10, []part{{records: 10}}); first == nil || !errors.Is(err, first) {
		t.Errorf("after a write that failed with %v: got %v, want the same", first, err)
	}
	if err := l.close(); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || bytes.Count(text, []byte("\n")) != 1 {
		t.Errorf("the ledger holds %q, %v; want its first line alone", text, err)
	}
}

func TestLedgerIsOfOneRunAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	l, err := openLedger(path, testRun, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openLedger(path, "2222222222222222", 1, 1); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("got %v, want a refusal", err)
	}
	if err := l.close(); err != nil {
		t.Fatal(err)
	}
}

func TestOpenLedgerKeepsWhatIsNoLedger(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, bytes.Repeat([]byte("x"), 10_000), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openLedger(path, testRun, 1, 1); err == nil {
		t.Error("a file without lines was taken for a ledger")
	}
	if info, err := os.Stat(path); err != nil || info.Size() != 10_000 {
		t.Errorf("got %v, %v: the file was changed", info, err)
	}
}

func TestReadLedgerRefuses(t *testing.T) {
	start := ledgerLine{run: testRun, start: true, producers: 2, batch: 10}
	acked := func(producer int, from, to uint64) ledgerLine {
		return ledgerLine{run: testRun, outcome: acked, producer: producer, from: from, to: to}
	}
	for _, c := range []struct {
		name  string
		lines []ledgerLine
		want  string
	}{
		{"no beginning", []ledgerLine{acked(0, 0, 1)}, "line 1: run 6f1c0a2b3c4d5e6f has not begun"},
		{"two beginnings", []ledgerLine{start, start}, "line 2: run 6f1c0a2b3c4d5e6f begins twice"},
		{"a gap", []ledgerLine{start, acked(0, 0, 5), acked(0, 6, 7)}, "goes on at 6, but 5 is next"},
		{"an overlap", []ledgerLine{start, acked(0, 0, 5), acked(0, 4, 7)}, "goes on at 4, but 5 is next"},
		{"an unknown producer", []ledgerLine{start, acked(2, 0, 5)}, "none numbered 2"},
		{"a range too large", []ledgerLine{start, acked(0, 0, 11)}, "0 to 11 is not 1 to 10"},
		{"an empty range", []ledgerLine{start, acked(0, 0, 0)}, "0 to 0 is not 1 to 10"},
		{"too many producers", []ledgerLine{{run: testRun, start: true, producers: 1 << 40, batch: 1}}, "are not 1 to 100000"},
	} {
		var text []byte
		for _, line := range c.lines {
			text = line.appendTo(text)
		}
		checkRefused(t, c.name, text, c.want)
	}
	good := start.appendTo(nil)
	checkRefused(t, "a damaged line", append(bytes.Clone(good), "acked 6f1c0a2b3c4d5e6f 0 0 1 00000000\n"...), "line 2: it is not a ledger line")
	checkRefused(t, "an empty line", append(bytes.Clone(good), '\n'), "line 2: it is not a ledger line")
	checkRefused(t, "a long line", append(bytes.Repeat([]byte("a"), 100_000), '\n'), "line 1: ")
}

func checkRefused(t *testing.T, name string, text []byte, want string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ledger")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readLedgers([]string{path}); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: got %v, want %s", name, err, want)
	}
}

func FuzzParseLedgerLine(f *testing.F) {
	f.Add([]byte("run 6f1c0a2b3c4d5e6f 64 500"))
	f.Add([]byte("acked 6f1c0a2b3c4d5e6f 12 345 400"))
	f.Add([]byte("unknown  0 0 0"))
	f.Fuzz(func(t *testing.T, text []byte) {
		_, _ = parseLedgerLine(text)
		// The fuzzer does not find checks: give it the right one.
		whole := appendCheck(bytes.Clone(text), 0)
		line, err := parseLedgerLine(whole[:len(whole)-1])
		if err == nil && !bytes.Equal(line.appendTo(nil), whole) {
			t.Errorf("%q reads as %+v, which is written as %q", whole, line, line.appendTo(nil))
		}
		b := newBooks()
		_ = b.enter(ledgerLine{run: line.run, start: true, producers: 1, batch: 10})
		_ = b.enter(line)
	})
}
