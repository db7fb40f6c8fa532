package bench

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Sizes are spread evenly over their range, both ends of it included.
func TestSizesAreSpread(t *testing.T) {
	const low, high, each = 200, 209, 2000
	m := plain(low, keyNames(1))
	m.maxSize = high
	a := newAuthor(testRun, 0, m)
	seen := map[int]int{}
	for n := range uint64((high - low + 1) * each) {
		line := a.append(nil, n)
		if _, whole := parseRecord(line); !whole || len(line) != a.sizes[n] {
			t.Fatalf("record %d of %d bytes, said to be of %d: whole %v", n, len(line), a.sizes[n], whole)
		}
		seen[len(line)]++
	}
	for size := low; size <= high; size++ {
		if got := seen[size]; got < each/2 || got > each*2 {
			t.Errorf("%d of %d bytes, want about %d", got, size, each)
		}
	}
	if len(seen) != high-low+1 {
		t.Errorf("got %d sizes, want %d", len(seen), high-low+1)
	}
}

// The i-th key is drawn i^-skew times as often as the first.
func TestKeysAreSkewed(t *testing.T) {
	const draws = 200_000
	m := plain(recordSize, keyNames(100))
	m.shares = zipf(100, 1)
	a := newAuthor(testRun, 0, m)
	seen := map[string]float64{}
	for range draws {
		seen[a.key()]++
	}
	for i, name := range map[int]string{1: "k00", 2: "k01", 10: "k09", 50: "k49"} {
		if ratio := seen[name] * float64(i) / seen["k00"]; math.Abs(ratio-1) > 0.2 {
			t.Errorf("key %d is drawn %.0f times, the first %.0f times", i, seen[name], seen["k00"])
		}
	}
	if shares := zipf(maxKeys, maxSkew); shares[maxKeys-1] != 1 || !slices.IsSorted(shares) {
		t.Error("the largest skew of the most keys has no shares")
	}
}

// TestInputIsCarried sends a file's values through both APIs. They come out as they went in, in their order, and the
// report counts the bytes that were sent.
func TestInputIsCarried(t *testing.T) {
	input := filepath.Join(t.TempDir(), "input.json")
	values := []string{`{"a":"ä \" ,\"sum\":\"0\""}`, `null`, `[1,[2]]`, `"x"`}
	if err := os.WriteFile(input, []byte("["+values[0]+","+values[1]+","+values[2]+",\n"+values[3]+"]"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, api := range []string{Native, Firehose} {
		g := newFakeGateway(t, func(int) treatment { return treatment{} })
		ledger := filepath.Join(t.TempDir(), "ledger")
		o := testOptions(g.URL)
		o.API, o.Batch, o.Records, o.Input, o.Ledger = api, 3, 12, []string{input}, ledger
		report, err := Run(t.Context(), o, nil)
		if err != nil || report.Acked != 12 {
			t.Fatalf("%s: %+v, %v", api, report, err)
		}
		var bytes int
		first := -1
		for i, line := range g.stored {
			var fields struct{ Data json.RawMessage }
			if err := json.Unmarshal([]byte(line), &fields); err != nil {
				t.Fatal(err)
			}
			if first < 0 {
				first = slices.Index(values, string(fields.Data))
			}
			if first < 0 || string(fields.Data) != values[(first+i)%len(values)] {
				t.Errorf("%s: record %d is %s", api, i, line)
			}
			bytes += len(line) - 1
		}
		if got := report.Measured.Megabytes * 1e6; math.Round(got) != float64(bytes) {
			t.Errorf("%s: %.0f bytes are reported, want %d", api, got, bytes)
		}
		if verdict := verifyIn(t, g.objects(), ledger, VerifyOptions{}); !verdict.OK() || verdict.Found != 12 {
			t.Errorf("%s: %+v", api, verdict)
		}
	}
}

// A batch of the input's largest values must fit a request.
func TestInputFitsTheBatch(t *testing.T) {
	input := filepath.Join(t.TempDir(), "input.json")
	large, err := json.Marshal(string(make([]byte, 20_000))) // six bytes each
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(input, large, 0o600); err != nil {
		t.Fatal(err)
	}
	o := testOptions("http://127.0.0.1:1")
	o.API, o.Batch, o.Input = Firehose, 100, []string{input}
	const want = "batch: 100 records of 120120 bytes and a line feed are 12012100 bytes, but a PutRecordBatch takes 4194304 at most"
	if _, err := Run(t.Context(), o, nil); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
