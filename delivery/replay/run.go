package replay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
)

// sender is a Node.
type sender interface {
	send(ctx context.Context, key string, records []record) (duplicate bool, err error)
}

// run is one replay.
type run struct {
	options Options
	marks   marks
	sender  sender
	limit   int64 // records in a batch
	pace    pace
	tally   tally
	now     func() time.Time
}

func (r *run) all(ctx context.Context) error {
	plan, err := r.plan(ctx)
	if err != nil {
		return err
	}
	if r.options.DryRun {
		if err := r.count(ctx, plan); err != nil {
			return err
		}
	}
	r.tally.planned(plan)
	if err := plan.WriteText(r.options.Out); err != nil {
		return err
	}
	if !r.options.DryRun {
		stop := r.tally.watch(r.options.Progress, *plan)
		err = r.replay(ctx, plan)
		stop()
		r.sum()
	}
	if c, _ := r.tally.read(); err == nil && c.refused+c.faults > 0 {
		err = ErrIncomplete
	}
	return err
}

func (r *run) replay(ctx context.Context, plan *Plan) error {
	for _, o := range plan.todo {
		err := r.object(ctx, o)
		var broken *objectError
		if errors.As(err, &broken) && ctx.Err() == nil {
			r.fault(o, broken.cause)
			err = nil
		}
		if err != nil {
			return fmt.Errorf("object %s: %w", o.Key, err)
		}
	}
	return nil
}

// object replays an original, from where its mark says. Only a complete one is deleted.
func (r *run) object(ctx context.Context, o Object) error {
	m, version, err := r.marks.load(ctx, o.Key)
	if err != nil {
		return fmt.Errorf("read its mark: %w", err)
	}
	if m == nil {
		m = newMark(o, r.options.Form.name())
	}
	if err := m.fits(o, r.options.Form.name()); err != nil {
		return &objectError{err}
	}
	if !m.complete() {
		m.begin()
		p := &pass{run: r, mark: m, version: version}
		if err := r.read(ctx, o, func(records *reader) error { return p.all(ctx, records) }); err != nil {
			return err
		}
		r.tally.add(func(c *counts) { c.objects++; c.bytes += o.Size })
	}
	if !r.options.Delete || !m.complete() {
		return nil
	}
	if err := r.options.Source.Remove(ctx, o); err != nil {
		return fmt.Errorf("delete it: %w", err)
	}
	r.tally.add(func(c *counts) { c.deleted++ })
	return nil
}

// read opens an object and has use read its records.
func (r *run) read(ctx context.Context, o Object, use func(*reader) error) error {
	stored, err := r.options.Source.Open(ctx, o)
	if err != nil {
		return &objectError{fmt.Errorf("open: %w", err)}
	}
	defer stored.Close()
	plain, err := r.options.Decompress(stored)
	if err != nil {
		return &objectError{err}
	}
	defer plain.Close() // what is wrong with it, reading has told
	return use(newReader(r.options.Form, plain))
}

// objectError is what is wrong with one original. The others are replayed all the same.
type objectError struct{ cause error }

func (e *objectError) Error() string { return e.cause.Error() }

func (r *run) fault(o Object, err error) {
	r.tally.add(func(c *counts) { c.faults++ })
	r.tell("object %s: %v", o.Key, err)
}

func (r *run) tell(format string, arguments ...any) {
	line := fmt.Sprintf(format, arguments...)
	r.tally.tell(line)
	fmt.Fprintln(r.options.Progress, line) // a lost line is no loss
}

func (r *run) sum() {
	c, _ := r.tally.read()
	fmt.Fprintf(r.options.Out, "sent: %s records of %s objects; %s of them were known to the node from a run before\n",
		humanize.Comma(c.records), humanize.Comma(c.objects), humanize.Comma(c.known))
	if c.refused > 0 || c.faults > 0 {
		fmt.Fprintf(r.options.Out, "left: %s records that the node refused; %s objects that could not be replayed whole\n",
			humanize.Comma(c.refused), humanize.Comma(c.faults))
	}
	if c.doubted > 0 {
		fmt.Fprintf(r.options.Out, "perhaps stored twice: %s records\n", humanize.Comma(c.doubted))
	}
	if c.deleted > 0 {
		fmt.Fprintf(r.options.Out, "deleted: %s objects\n", humanize.Comma(c.deleted))
	}
}
