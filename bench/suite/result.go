package suite

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"hydrant/bench"
	"hydrant/bench/machine"
)

// Result is one run of the suite: what is kept in bench/results.
type Result struct {
	Date     time.Time       `json:"date"`
	Commit   string          `json:"commit"` // of the binary; ends with -dirty if the source was changed since
	Machine  machine.Machine `json:"machine"`
	Note     string          `json:"note,omitempty"` // by whoever ran it, and how the run ended early
	Settings Settings        `json:"settings"`
	Seconds  float64         `json:"seconds"` // that it took
	Rows     []RowResult     `json:"rows"`
}

// Settings are the options that change what the figures mean.
type Settings struct {
	Repeats  int     `json:"repeats"`
	Duration float64 `json:"duration_seconds"`
	Warmup   float64 `json:"warmup_seconds"`
	Backlog  int64   `json:"backlog_bytes"`
	Store    string  `json:"store"` // that nodes delivered to
}

// RowResult is what a row came to.
type RowResult struct {
	Name     string    `json:"name"`
	About    string    `json:"about"`
	Outcomes []Outcome `json:"outcomes"`
	Sides    []Side    `json:"sides"`   // medians of the repeats
	Repeats  []Sample  `json:"repeats"` // that were measured
	Errors   []string  `json:"errors"`  // of those that were not
	Busy     float64   `json:"load_average"`
}

// Outcome is one measure of a row: the median of the repeats, and what it should be.
type Outcome struct {
	Measure string    `json:"measure"`
	Value   float64   `json:"value"`
	Values  []float64 `json:"values"` // of the repeats
	Target  float64   `json:"target"` // 0: none, only shown
	Beyond  float64   `json:"beyond"` // 0: nothing beyond the target is asked for
	Lower   bool      `json:"lower_is_better"`
}

// Verdict is where the value lies: missed, met or beyond, or empty without a target.
func (o Outcome) Verdict() string {
	reaches := func(goal float64) bool {
		return goal > 0 && (o.Lower && o.Value <= goal || !o.Lower && o.Value >= goal)
	}
	switch {
	case o.Target == 0:
		return ""
	case reaches(o.Beyond):
		return "beyond"
	case reaches(o.Target):
		return "met"
	}
	return "missed"
}

// Sample is one repeat of a row: its sides, as they were measured one after the other.
type Sample struct {
	Sides []Side `json:"sides"`
}

// Side is one of the things that a row measures in turn.
type Side struct {
	Name    string        `json:"name"`
	Figures Figures       `json:"figures"`
	Series  *bench.Series `json:"series,omitempty"` // of the load, where it was one
}

// of is a side's figure, 0 if it was not measured.
func (s Sample) of(side, figure string) float64 {
	for _, measured := range s.Sides {
		if measured.Name == side {
			return measured.Figures[figure]
		}
	}
	return 0
}

// conclude sums up a row's repeats.
func conclude(r row, samples []Sample) RowResult {
	result := RowResult{Name: r.name(), About: r.about(), Repeats: samples, Errors: []string{}}
	for _, t := range r.targets() {
		o := Outcome{Measure: t.measure, Target: t.target, Beyond: t.beyond, Lower: t.lower}
		for _, s := range samples {
			o.Values = append(o.Values, t.of(s))
		}
		o.Value = median(o.Values)
		result.Outcomes = append(result.Outcomes, o)
	}
	if len(samples) == 0 {
		return result
	}
	for i := range samples[0].Sides {
		var repeats []Side
		for _, s := range samples {
			repeats = append(repeats, s.Sides[i])
		}
		result.Sides = append(result.Sides, medians(repeats))
	}
	return result
}

// WriteJSON writes the result as one indented JSON object.
func (r *Result) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", " ")
	return encoder.Encode(r)
}

// readResult reads what WriteJSON wrote.
func readResult(path string) (*Result, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := new(Result)
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("%s is no result of bench suite: %w", path, err)
	}
	if len(r.Rows) == 0 {
		return nil, fmt.Errorf("%s is no result of bench suite: it has no rows", path)
	}
	return r, nil
}
