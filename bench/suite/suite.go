package suite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"hydrant/bench/machine"
)

// Run measures every selected row, repeat after repeat, and writes a line to progress for each row and repeat. A repeat
// that fails is noted in its row and the suite goes on; Run itself fails only if it cannot begin, or ctx ends. No process
// and no file of its own is left behind.
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
		row, err := b.repeat(ctx, r, fmt.Sprintf("%d/%d %s", i+1, len(selected), r.name()), progress)
		if err != nil {
			return nil, err
		}
		result.Rows = append(result.Rows, row)
	}
	result.Seconds = time.Since(start).Seconds()
	return result, nil
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

// repeat measures a row as often as the options say. It fails only when ctx has ended.
func (b *bed) repeat(ctx context.Context, r row, label string, progress io.Writer) (RowResult, error) {
	var samples []Sample
	failures := []string{}
	fmt.Fprintf(progress, "%s: %s\n", label, r.about()) // a lost line is no loss
	for n := 1; n <= b.options.Repeats; n++ {
		start := time.Now()
		s, err := r.sample(ctx, b)
		if ctx.Err() != nil {
			return RowResult{}, fmt.Errorf("interrupted in %s: %w", r.name(), ctx.Err())
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
	result := conclude(r, samples)
	result.Errors, result.Busy = failures, machine.Load()
	return result, nil
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
