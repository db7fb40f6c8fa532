package suite

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hydrant/bench"
	"hydrant/bench/machine"
)

// fake is a row whose repeats are given; one without sides fails.
type fake struct{ samples []Sample }

func (*fake) name() string  { return "fake" }
func (*fake) about() string { return "nothing" }

func (*fake) targets() []target {
	return []target{
		{"durable / floor", 0.5, 0.8, false, over(megabytesPS, "node", "floor")},
		{"cost", 3, 0, true, plain(serverCPU, "node")},
		{measure: "only shown", of: plain(megabytesPS, "node")},
	}
}

func (f *fake) sample(context.Context, *bed) (Sample, error) {
	s := f.samples[0]
	f.samples = f.samples[1:]
	if s.Sides == nil {
		return s, errors.New("it broke")
	}
	return s, nil
}

func repeatOf(floor, node, cost float64) Sample {
	return Sample{Sides: []Side{
		{Name: "floor", Figures: Figures{megabytesPS: floor}},
		{Name: "node", Figures: Figures{megabytesPS: node, serverCPU: cost}, Series: &bench.Series{Width: 1, Last: 1, Points: []bench.Point{{Records: 5}}}},
	}}
}

// stopped is a row in whose last repeat somebody interrupts the suite.
type stopped struct {
	fake
	interrupt context.CancelFunc
}

func (s *stopped) sample(ctx context.Context, b *bed) (Sample, error) {
	if len(s.samples) == 1 {
		s.interrupt()
		return Sample{}, ctx.Err()
	}
	return s.fake.sample(ctx, b)
}

func TestInterruptedRunKeepsWhatItMeasured(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	b := &bed{options: Options{Repeats: 4}}
	row, err := b.repeat(ctx, &stopped{fake{[]Sample{repeatOf(1000, 600, 4), {}, {}}}, cancel}, "1/1 fake", io.Discard)
	if !errors.Is(err, context.Canceled) || len(row.Repeats) != 1 || row.Outcomes[0].Value != 0.6 || len(row.Errors) != 1 {
		t.Errorf("%v, measured %+v", err, row)
	}
	r, err := (&Result{Note: "a fast disk", Rows: []RowResult{row}}).endedBy(err)
	if !errors.Is(err, context.Canceled) || r.Note != "a fast disk; interrupted in fake: context canceled" {
		t.Errorf("%v, result %+v", err, r)
	}
	if r, err := (&Result{}).endedBy(err); r != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("%v, a result of nothing: %+v", err, r)
	}
}

// Each repeat's ratio counts, not the ratio of the medians: a machine that slows down slows both sides.
func TestRepeats(t *testing.T) {
	var progress bytes.Buffer
	b := &bed{options: Options{Repeats: 4}}
	row := &fake{[]Sample{repeatOf(1000, 600, 4), {}, repeatOf(100, 70, 2), repeatOf(10, 4, 9)}}
	got, err := b.repeat(t.Context(), row, "1/1 fake", &progress)
	if err != nil {
		t.Fatal(err)
	}
	want := []Outcome{
		{Measure: "durable / floor", Value: 0.6, Values: []float64{0.6, 0.7, 0.4}, Target: 0.5, Beyond: 0.8},
		{Measure: "cost", Value: 4, Values: []float64{4, 2, 9}, Target: 3, Lower: true},
		{Measure: "only shown", Value: 70, Values: []float64{600, 70, 4}},
	}
	if diff := cmp.Diff(want, got.Outcomes); diff != "" {
		t.Error(diff)
	}
	if v := got.Sides[1].Figures[megabytesPS]; v != 70 || got.Sides[1].Name != "node" {
		t.Errorf("the second side is %+v", got.Sides[1])
	}
	if len(got.Repeats) != 3 || len(got.Errors) != 1 || got.Errors[0] != "it broke" {
		t.Errorf("%d repeats, errors %q", len(got.Repeats), got.Errors)
	}
	if lines := strings.Count(progress.String(), "\n"); lines != 5 {
		t.Errorf("%d lines of progress:\n%s", lines, &progress)
	}
}

func TestRepeatsEndWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b := &bed{options: Options{Repeats: 4}}
	if _, err := b.repeat(ctx, &fake{[]Sample{{}}}, "", new(bytes.Buffer)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestVerdict(t *testing.T) {
	for _, test := range []struct {
		outcome Outcome
		want    string
	}{
		{Outcome{Value: 1}, ""},
		{Outcome{Value: 0.5, Target: 0.5, Beyond: 0.8}, "met"},
		{Outcome{Value: 0.8, Target: 0.5, Beyond: 0.8}, "beyond"},
		{Outcome{Value: 0.49, Target: 0.5, Beyond: 0.8}, "missed"},
		{Outcome{Value: 3, Target: 3, Beyond: 2, Lower: true}, "met"},
		{Outcome{Value: 2, Target: 3, Beyond: 2, Lower: true}, "beyond"},
		{Outcome{Value: 3.1, Target: 3, Beyond: 2, Lower: true}, "missed"},
		{Outcome{Value: 0, Target: 1, Lower: true}, "met"},
	} {
		if got := test.outcome.Verdict(); got != test.want {
			t.Errorf("%+v: got %q, want %q", test.outcome, got, test.want)
		}
	}
}

// resultOf is a run of one row.
func resultOf(commit string, samples ...Sample) *Result {
	r := conclude(&fake{}, samples)
	return &Result{Commit: commit, Machine: machine.Machine{Cores: 2}, Rows: []RowResult{r}}
}

func TestResultIsReadAsItWasWritten(t *testing.T) {
	want := resultOf("0123456789abcdef", repeatOf(100, 60, 2.5), repeatOf(100, 70, 2))
	path := filepath.Join(t.TempDir(), "result.json")
	if err := bench.WriteFile(path, want.WriteJSON); err != nil {
		t.Fatal(err)
	}
	got, err := readResult(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, text := range []string{"", "{}", "[]"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readResult(path); err == nil || !strings.Contains(err.Error(), "no result of bench suite") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// The history stays comparable with what is measured now.
func TestKeptResultsCanBeRead(t *testing.T) {
	kept, err := filepath.Glob("../results/*.json")
	if err != nil || len(kept) == 0 {
		t.Fatalf("there are none: %v", err)
	}
	for _, path := range kept {
		r, err := readResult(path)
		if err != nil {
			t.Fatal(err)
		}
		if r.Date.IsZero() || r.Commit == "" || !strings.Contains(path, shorten(r.Commit)) || r.Machine.Cores == 0 {
			t.Errorf("%s: it does not say when, of what and where", path)
		}
		if err := compare(io.Discard, r, r); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestText(t *testing.T) {
	r := resultOf("0123456789abcdef", repeatOf(100, 60, 2.5), repeatOf(100, 70, 3.5))
	r.Rows[0].Errors, r.Note = []string{"it broke"}, "others worked too"
	var out strings.Builder
	if err := r.WriteText(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"commit 0123456789ab:",
		"\nothers worked too\n",
		"durable / floor  0.650   0.600 to 0.700  ≥ 0.500, beyond 0.800  met",
		"cost             3.00    2.50 to 3.50    ≤ 3.00                 met",
		"  node: 65.0 MB/s, 3.00 server CPU s/GB\n",
		"a repeat failed: it broke",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, &out)
		}
	}
}

func TestUnmeasuredRowsFail(t *testing.T) {
	r := resultOf("c")
	r.Rows[0].Errors = []string{"it broke"}
	if err := r.unmeasured(); err == nil || !strings.Contains(err.Error(), "fake was not measured: it broke") {
		t.Errorf("got %v", err)
	}
	if err := resultOf("c", repeatOf(1, 1, 1)).unmeasured(); err != nil {
		t.Error(err)
	}
}

func TestCompare(t *testing.T) {
	before := resultOf("before", repeatOf(100, 10, 2), repeatOf(100, 20, 2))
	after := resultOf("after", repeatOf(100, 60, 2), repeatOf(100, 50, 2))
	after.Machine.Cores = 4
	after.Rows = append(after.Rows, RowResult{Name: "new", Outcomes: []Outcome{{Measure: "speed", Value: 7, Values: []float64{7}}}})
	var out strings.Builder
	if err := compare(&out, before, after); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"fake  durable / floor  0.150   0.550  3.67    ≥ 0.500, beyond 0.800  met",
		"fake  cost             2.00    2.00   1.00 ~",
		"new   speed            -       7.00",
		"different machines",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, &out)
		}
	}
}

func TestPageHasEverything(t *testing.T) {
	r := resultOf("0123456789abcdef", repeatOf(100, 60, 2.5), repeatOf(100, 70, 2))
	r.Rows[0].Errors, r.Note = []string{"<broke>"}, "others worked too"
	var out strings.Builder
	if err := r.WriteHTML(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"durable / floor", `class="met"`, "&lt;broke&gt;", "others worked too", `"name":"node 2"`, "uPlot"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in the page", want)
		}
	}
}

// One and more is reached, whichever way is better.
func TestReach(t *testing.T) {
	for _, o := range []Outcome{
		{Value: 0.5, Target: 0.5},
		{Value: 2, Target: 4, Lower: true},
		{Value: 1, Target: 4},
		{Value: 8, Target: 4, Lower: true},
		{Value: 0, Target: 4, Lower: true},
		{Value: 0, Target: 4},
	} {
		if reach := o.reach(o.Value); reach >= 1 != (o.Verdict() == "met") || reach <= 0 {
			t.Errorf("%+v: reach %v, %s", o, reach, o.Verdict())
		}
	}
}
