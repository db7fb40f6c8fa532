package bench

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/dustin/go-humanize"
)

// The kinds of faults, as the package comment explains them.
const (
	Lost         = "lost"
	Doubled      = "doubled"
	Changed      = "changed"
	RefusedFound = "refused_found"
	Unsent       = "unsent"
	Misplaced    = "misplaced"
	Broken       = "broken"
	Unproven     = "unproven" // there is no acknowledged record or no object
)

var faultKinds = []string{Unproven, Lost, Doubled, Changed, RefusedFound, Unsent, Misplaced, Broken}

// ErrFault says that a verdict is not good.
var ErrFault = errors.New("the destination does not hold what the ledgers promise")

const examplesShown = 20 // of each kind

// Verdict is what a destination holds of what the ledgers promise.
type Verdict struct {
	// Of the ledgers, in records.
	Runs    int   `json:"runs"`
	Acked   int64 `json:"acked_records"`
	Refused int64 `json:"refused_records"`
	Unknown int64 `json:"unknown_records"`

	// Of the destination, in records unless the name says otherwise.
	Objects      int64 `json:"objects"`
	Bytes        int64 `json:"bytes"`         // as stored
	Found        int64 `json:"found_records"` // each counted once, of all outcomes
	UnknownFound int64 `json:"unknown_found"`
	ErrorOutput  int64 `json:"error_output"`
	Foreign      int64 `json:"foreign_lines"`

	Faults   map[string]int64 `json:"faults"` // by kind, none of them 0; broken counts objects, the others records
	Examples []Fault          `json:"examples"`
	Seconds  float64          `json:"seconds"`
}

// Fault is one fault, or several alike.
type Fault struct {
	Kind    string `json:"kind"`
	Records string `json:"records,omitempty"` // run, producer and numbers, as the record says of itself
	Object  string `json:"object,omitempty"`
	Detail  string `json:"detail,omitempty"`
}

func (f Fault) String() string {
	text := f.Kind
	for _, part := range []struct{ before, text string }{{" ", f.Records}, {" in ", f.Object}, {": ", f.Detail}} {
		if part.text != "" {
			text += part.before + part.text
		}
	}
	return text
}

func nameRecords(run string, producer int, from, to uint64) string {
	if to-from == 1 {
		return fmt.Sprintf("run %s producer %d n %d", run, producer, from)
	}
	return fmt.Sprintf("run %s producer %d n %d to %d", run, producer, from, to-1)
}

// OK says that every acknowledged record was found once and unchanged, and that nothing else is wrong.
func (v *Verdict) OK() bool { return len(v.Faults) == 0 }

// findings are what was found in one object, or in several.
type findings struct {
	objects, bytes, records, unknownFound, errorOutput, foreign int64

	faults   map[string]int64
	examples []Fault // examplesShown of each kind at most
}

// fault counts some records' fault, and keeps the first ones as examples.
func (f *findings) fault(records int64, example Fault) {
	if f.faults == nil {
		f.faults = map[string]int64{}
	}
	f.faults[example.Kind] += records
	f.example(example)
}

func (f *findings) example(example Fault) {
	shown := 0
	for _, e := range f.examples {
		if e.Kind == example.Kind {
			shown++
		}
	}
	if shown < examplesShown {
		f.examples = append(f.examples, example)
	}
}

func (f *findings) add(other findings) {
	f.objects += other.objects
	f.bytes += other.bytes
	f.records += other.records
	f.unknownFound += other.unknownFound
	f.errorOutput += other.errorOutput
	f.foreign += other.foreign
	for kind, records := range other.faults {
		if f.faults == nil {
			f.faults = map[string]int64{}
		}
		f.faults[kind] += records
	}
	for _, example := range other.examples {
		f.example(example)
	}
}

// conclude compares what was found with the books.
func conclude(b *books, f findings) *Verdict {
	sums := b.sum(func(p *producerBook, from, to uint64) {
		f.fault(int64(to-from), Fault{Kind: Lost, Records: nameRecords(p.run, p.producer, from, to)})
	})
	if sums.acked == 0 {
		f.fault(1, Fault{Kind: Unproven, Detail: "the ledgers hold no acknowledged record"})
	}
	if f.objects == 0 {
		f.fault(1, Fault{Kind: Unproven, Detail: "there is no object"})
	}
	slices.SortStableFunc(f.examples, func(a, b Fault) int {
		order := cmp.Compare(slices.Index(faultKinds, a.Kind), slices.Index(faultKinds, b.Kind))
		return cmp.Or(order, cmp.Compare(a.Object, b.Object)) // and then as they stand in the object, or in the books
	})
	if f.faults == nil {
		f.faults, f.examples = map[string]int64{}, []Fault{}
	}
	return &Verdict{
		Runs: len(b.runs), Acked: sums.acked, Refused: sums.refused, Unknown: sums.unknown,
		Objects: f.objects, Bytes: f.bytes, Found: f.records, UnknownFound: f.unknownFound,
		ErrorOutput: f.errorOutput, Foreign: f.foreign, Faults: f.faults, Examples: f.examples,
	}
}

// WriteJSON writes the verdict as one indented JSON object.
func (v *Verdict) WriteJSON(w io.Writer) error {
	return writeJSON(w, struct {
		OK bool `json:"ok"`
		*Verdict
	}{v.OK(), v})
}

// WriteText writes the verdict for people.
func (v *Verdict) WriteText(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(table, name+"\t"+format+"\n", args...) // Flush tells of errors
	}
	line("ledgers", "acked %s, refused %s, unknown %s records; runs: %d",
		humanize.Comma(v.Acked), humanize.Comma(v.Refused), humanize.Comma(v.Unknown), v.Runs)
	line("objects", "%s with %.1f MB, read in %.1f s", humanize.Comma(v.Objects), float64(v.Bytes)/1e6, v.Seconds)
	line("found", "%s records: %s of unknown outcome, %s in the error output", humanize.Comma(v.Found),
		humanize.Comma(v.UnknownFound), humanize.Comma(v.ErrorOutput))
	line("foreign", "%s lines", humanize.Comma(v.Foreign))
	for _, kind := range faultKinds {
		if v.Faults[kind] > 0 {
			line(kind, "%s", humanize.Comma(v.Faults[kind]))
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, example := range v.Examples {
		fmt.Fprintf(w, "  %v\n", example) // the last line's error stands for all
	}
	last := "OK: every acknowledged record was found once and unchanged"
	if !v.OK() {
		last = "FAULT: " + ErrFault.Error()
	}
	_, err := fmt.Fprintln(w, last)
	return err
}
