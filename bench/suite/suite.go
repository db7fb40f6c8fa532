package suite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"hydrant/bench/machine"
)

// Run measures every selected row, repeat after repeat, and writes a line to progress for each row and repeat. A repeat
// that fails is noted in its row and the suite goes on; Run itself fails only if it cannot begin, or ctx ends. What was
// measured until then is in the result, which is nil where that is nothing, and its note says that there is no more. No
// process and no file of its own is left behind.
func Run(ctx context.Context, o Options, progress io.Writer) (result *Result, err error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	selected := o.rows()
	if len(selected) == 0 {
		return nil, fmt.Errorf("rows: no name matches %q; --list prints them all", o.Rows)
	}
	if err := checkMachine(); err != nil {
		return nil, err
	}
	b, err := newBed(o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	start := time.Now()
	result = &Result{Date: start.UTC(), Commit: machine.CommitOf(b.program), Machine: machine.This(), Note: o.Note, Settings: o.settings()}
	for i, r := range selected {
		var row RowResult
		row, err = b.repeat(ctx, r, fmt.Sprintf("%d/%d %s", i+1, len(selected), r.name()), progress)
		if err == nil || len(row.Repeats) > 0 {
			result.Rows = append(result.Rows, row)
		}
		if err != nil {
			break
		}
	}
	result.Seconds = time.Since(start).Seconds()
	return result.endedBy(err)
}

// endedBy returns a result as far as it has come, and notes what ended it early, if anything did.
func (r *Result) endedBy(err error) (*Result, error) {
	if len(r.Rows) == 0 {
		return nil, err
	}
	if err != nil {
		r.Note = strings.TrimPrefix(r.Note+"; "+err.Error(), "; ")
	}
	return r, err
}

// all are the rows to select from.
func (o *Options) all() []row {
	if len(o.Peers) > 0 {
		return peerRows(o.Peers)
	}
	return rows()
}

func (o *Options) rows() (selected []row) {
	for _, r := range o.all() {
		if o.selected.MatchString(r.name()) {
			selected = append(selected, r)
		}
	}
	return selected
}

// repeat measures a row as often as the options say. It fails only when ctx has ended, with the repeats before that.
func (b *bed) repeat(ctx context.Context, r row, label string, progress io.Writer) (RowResult, error) {
	var samples []Sample
	failures := []string{}
	fmt.Fprintf(progress, "%s: %s\n", label, r.about()) // a lost line is no loss
	for n := 1; n <= b.options.Repeats; n++ {
		start := time.Now()
		s, err := r.sample(ctx, b)
		if ctx.Err() != nil {
			return conclude(r, samples).with(failures), fmt.Errorf("interrupted in %s: %w", r.name(), ctx.Err())
		}
		line := "failed: "
		if err != nil {
			failures = append(failures, err.Error())
			line += err.Error()
		} else {
			samples = append(samples, s)
			line = summary(conclude(r, []Sample{s}))
		}
		took := time.Since(start).Round(100 * time.Millisecond)
		fmt.Fprintf(progress, "%s, repeat %d of %d, %v: %s\n", label, n, b.options.Repeats, took, line)
	}
	return conclude(r, samples).with(failures), nil
}

// with adds how the row's other repeats failed, and how busy the machine is at its end.
func (r RowResult) with(failures []string) RowResult {
	r.Errors, r.Busy = failures, machine.Load()
	return r
}

// unmeasured names the rows that have no figures.
func (r *Result) unmeasured() error {
	var errs []error
	for _, row := range r.Rows {
		if len(row.Repeats) == 0 {
			errs = append(errs, fmt.Errorf("%s was not measured: %s", row.Name, row.Errors[len(row.Errors)-1]))
		}
	}
	return errors.Join(errs...)
}
