package torture

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"hydrant/bench"
	"hydrant/bench/sink"
)

func TestOptions(t *testing.T) {
	good := Options{Duration: 1, Nodes: 1, Rate: 10, Faults: "store-*, kill"}
	if err := good.Validate(); err != nil || len(good.selected) != 8 {
		t.Errorf("%d faults were chosen: %v", len(good.selected), err)
	}
	for want, change := range map[string]func(*Options){
		"duration":                       func(o *Options) { o.Duration = 0 },
		"nodes":                          func(o *Options) { o.Nodes = 17 },
		"rate":                           func(o *Options) { o.Rate = 9 },
		"store-fails":                    func(o *Options) { o.StoreFails = 1 },
		`faults: there is no "x-*"`:      func(o *Options) { o.Faults = "kill,x-*" },
		"records":                        func(o *Options) { o.Records = -1 },
		`times: faults: there is no "x"`: func(o *Options) { o.Times = map[string]int{"x": 1} },
		"times: kill: 0":                 func(o *Options) { o.Times = map[string]int{"kill": 0} },
		"mutant":                         func(o *Options) { o.Mutant = "x" },
		"endpoint":                       func(o *Options) { o.S3 = "s3://lake" },
	} {
		o := good
		change(&o)
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want something of %s", err, want)
		}
	}
}

// Every fault comes before one comes again, and a seed tells in what order.
func TestFaultsAreDealt(t *testing.T) {
	deal := func(seed uint64) (names []string) {
		b := &bed{noVolumes: "none here", options: Options{selected: faults}}
		next := b.shuffled(rand.New(rand.NewPCG(seed, 0)))
		for range faults {
			names = append(names, next().name)
		}
		return names
	}
	once := deal(7)
	if strings.Join(once, " ") != strings.Join(deal(7), " ") || strings.Join(once, " ") == strings.Join(deal(8), " ") {
		t.Error("the seed does not decide the order")
	}
	if strings.Contains(strings.Join(once, " "), "power") {
		t.Error("a fault was dealt that cannot be made")
	}
	seen := map[string]int{}
	for _, name := range once {
		seen[name]++
	}
	for name, times := range seen {
		if times > 2 {
			t.Errorf("%s came %d times before the others", name, times)
		}
	}
}

// A mutant spoils one object and lets the others be.
func TestMutantsSpoilOneObject(t *testing.T) {
	const first, second = "/lake/run/key=a/1.gz", "/lake/run/key=a/2.gz"
	lines := []byte(`{"pad":"one"}` + "\n" + `{"pad":"two"}` + "\n")
	for _, m := range mutants {
		store := m.before(sink.Keep(t.TempDir()))
		get := func(path string) *httptest.ResponseRecorder {
			recorder := httptest.NewRecorder()
			store.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, http.NoBody))
			return recorder
		}
		read := func(path string) []byte {
			plain, err := unpack(get(path).Body.Bytes())
			if err != nil {
				return nil
			}
			return plain
		}
		for _, path := range []string{first, second} {
			put := make(chan int, 1)
			go func() {
				recorder := httptest.NewRecorder()
				store.ServeHTTP(recorder, httptest.NewRequest(http.MethodPut, path, bytes.NewReader(pack(lines))))
				put <- recorder.Code
			}()
			if m.name == "early" && path == first { // it waits for a reader
				seen := get(first)
				for ; seen.Code != http.StatusOK; seen = get(first) {
					runtime.Gosched()
				}
				if _, err := unpack(seen.Body.Bytes()); err == nil {
					t.Error("what is seen early is whole")
				}
			}
			if code := <-put; code != http.StatusOK {
				t.Fatalf("%s: %d", m.name, code)
			}
		}
		if !bytes.Equal(read(second), lines) {
			t.Errorf("%s has spoilt a second object", m.name)
		}
		if m.name != "double" && m.name != "early" && bytes.Equal(read(first), lines) {
			t.Errorf("%s has spoilt nothing", m.name)
		}
	}
}

// The zeros at a file's end were never written.
func TestWrittenSize(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	for _, written := range []int{0, 1, 64<<10 - 1, 64 << 10, 200_000} {
		content := append(bytes.Repeat([]byte{1}, written), make([]byte, 150_000)...)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := writtenSize(path); err != nil || got != int64(written) {
			t.Errorf("got %d %v, want %d", got, err, written)
		}
	}
}

// What must not be makes a report bad, and what is allowed after damage does not.
func TestConclusions(t *testing.T) {
	verdict := func(faults map[string]int64) *bench.Verdict { return &bench.Verdict{Acked: 100, Faults: faults} }
	for name, c := range map[string]struct {
		note func(*notes)
		with Report
		good bool
	}{
		"nothing":               {func(*notes) {}, Report{Verdict: verdict(nil)}, true},
		"no verdict":            {func(*notes) {}, Report{}, false},
		"a bad verdict":         {func(*notes) {}, Report{Verdict: verdict(map[string]int64{bench.Lost: 1})}, false},
		"a problem":             {func(n *notes) { n.problem("x") }, Report{Verdict: verdict(nil)}, false},
		"a fault that met none": {func(*notes) {}, Report{Verdict: verdict(nil), Faults: []FaultReport{{Name: "kill", Times: 3}}}, false},
		"told losses": {
			func(n *notes) { n.damage("f", verdict(map[string]int64{bench.Lost: 5, bench.Doubled: 2}), 5) },
			Report{Verdict: verdict(nil)},
			true,
		},
		"silent losses": {
			func(n *notes) { n.damage("f", verdict(map[string]int64{bench.Lost: 6}), 5) }, Report{Verdict: verdict(nil)}, false,
		},
		"changes after damage": {
			func(n *notes) { n.damage("f", verdict(map[string]int64{bench.Changed: 1}), 5) }, Report{Verdict: verdict(nil)}, false,
		},
		"a leak":                {func(*notes) {}, Report{Verdict: verdict(nil), Weights: weights(100, 10_000)}, false},
		"a leak of a long run":  {func(*notes) {}, Report{Verdict: verdict(nil), Weights: weights(100, 250), Seconds: flatFrom}, false},
		"growth of a short run": {func(*notes) {}, Report{Verdict: verdict(nil), Weights: weights(100, 250), Seconds: flatFrom - 1}, true},
		"growth":                {func(*notes) {}, Report{Verdict: verdict(nil), Weights: weights(100, 150)}, true},
	} {
		n := new(notes)
		c.note(n)
		c.with.conclude(n, Options{})
		if c.with.OK != c.good {
			t.Errorf("%s: got %v with %q, want %v", name, c.with.OK, c.with.Problems, c.good)
		}
		if len(c.with.Weights) == 0 {
			continue
		}
		var text bytes.Buffer
		if err := errors.Join(c.with.WriteText(&text), c.with.WriteJSON(io.Discard)); err != nil || !strings.Contains(text.String(), "goroutines") {
			t.Errorf("%s: %v in\n%s", name, err, text.String())
		}
	}
}

// The long runs that the documentation tells of are kept, and were good.
func TestKeptReports(t *testing.T) {
	kept, err := filepath.Glob("../results/torture/*.json")
	if err != nil || len(kept) == 0 {
		t.Fatalf("there are none: %v", err)
	}
	for _, path := range kept {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var r Report
		if err := json.Unmarshal(text, &r); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if !r.OK || r.Seed == 0 || r.Machine.Cores == 0 || len(r.Commit) < 12 || !strings.Contains(path, r.Commit[:12]) {
			t.Errorf("%s: it was not good, or does not say of what and where", path)
		}
	}
}

// A run by count ends when everything was done that can be, and is bad if something was not.
func TestRunsByCount(t *testing.T) {
	o := Options{Duration: 1, Nodes: 1, Rate: 10, Times: map[string]int{"kill": 3, "ki*": 1, "power": 1}, Records: 50}
	if err := o.Validate(); err != nil {
		t.Fatal(err)
	}
	b := &bed{options: o, noVolumes: "none here"}
	dealt := map[string]int{}
	next := b.shuffled(rand.New(rand.NewPCG(1, 0)))
	r := Report{Verdict: &bench.Verdict{Acked: 49}}
	for range 3 {
		if b.enough(&r) {
			t.Fatal("it ended before the third fault")
		}
		name := next().name
		dealt[name]++
		r.add(name, 1, 0)
	}
	if dealt["kill"] != 3 {
		t.Errorf("dealt were %v", dealt)
	}
	if b.enough(&r) {
		t.Error("it ended before the records")
	}
	b.status.records.Store(50)
	if !b.enough(&r) {
		t.Error("it does not end")
	}
	r.conclude(new(notes), o)
	if all := strings.Join(r.Problems, "; "); !strings.Contains(all, "power 0 of 1 times") || !strings.Contains(all, "49 of 50") {
		t.Errorf("the problems are %q", all)
	}
}

func weights(early, late float64) (all []Weight) {
	for i := range 2 * fewWeights {
		w := Weight{Goroutines: early}
		if i >= fewWeights {
			w.Goroutines = late
		}
		all = append(all, w)
	}
	return all
}
