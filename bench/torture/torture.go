package torture

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"hydrant/bench/machine"
	"hydrant/bench/s3fault"
)

// What a node counts in all its lives, in records: those that it made durable, and those that it put into objects.
const (
	accepted           = "hydrant_accepted_records_total"
	deliveredRecords   = "hydrant_delivered_records_total"
	errorOutputRecords = "hydrant_error_output_records_total"
)

// Run tortures and judges. An error means that there is no verdict, and then what was written is left for a look. When the
// context ends no more faults are made, and what was done is judged. Each second it writes a line to progress.
func Run(ctx context.Context, o Options, progress io.Writer) (report *Report, err error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if o.Seed == 0 {
		o.Seed = rand.Uint64N(1e9) + 1
	}
	fmt.Fprintf(progress, "seed %d\n", o.Seed) // a lost line of progress is no loss
	living := context.WithoutCancel(ctx)       // what was done is judged in any case
	b, err := newBed(living, o)
	defer func() {
		good := err == nil && report.OK
		err = errors.Join(err, b.close(good))
		if !good && b.dir != "" {
			fmt.Fprintf(progress, "what the nodes wrote is left in %s\n", b.dir)
		}
	}()
	if err != nil {
		return nil, err
	}
	report = &Report{
		Date: time.Now().UTC(), Commit: machine.Commit(), Machine: machine.This(), Seed: o.Seed, Settings: o.settings(), Nodes: o.Nodes, Store: cmp.Or(o.S3, "a store of its own"), Mutant: o.Mutant,
		Faults: []FaultReport{}, LeftOut: b.leftOut(), Problems: []string{},
	}
	if o.StoreFails > 0 {
		b.proxy.Spoil(s3fault.Any, o.StoreFails, -1, s3fault.Answer(500, "InternalError"))
	}
	b.load = b.startLoad(living)
	lister := watchStore(living, b.store, b.notes)
	watched := b.watch(living, report, progress)
	failed := b.torture(ctx, living, report)
	watched()
	err = errors.Join(b.load.stop(), b.judge(living, report, lister))
	if failed != nil {
		b.notes.problem("%v", failed)
	}
	report.conclude(b.notes, o)
	return report, err
}

func (b *bed) leftOut() []LeftOut {
	left := []LeftOut{}
	for _, f := range b.options.selected {
		if why := f.needs.missing(b); why != "" {
			left = append(left, LeftOut{f.name, why})
		}
	}
	return left
}

// judge has everything delivered and compares it with what was promised.
func (b *bed) judge(ctx context.Context, report *Report, lister *lister) error {
	started := time.Now()
	b.proxy.Heal()
	told := 0.0
	for _, n := range b.nodes {
		delivered, err := b.settle(ctx, n)
		if err != nil {
			b.notes.problem("%v", err)
		}
		told += delivered
	}
	report.Delivery = time.Since(started).Seconds()
	if err := lister.finish(ctx); err != nil {
		return err
	}
	uploads, err := b.store.uploads(ctx, b.store.prefix+"run/")
	if err != nil {
		return err
	}
	if len(uploads) > 0 {
		b.notes.problem("uploads in parts are left: %s", strings.Join(uploads, ", "))
	}
	if report.Verdict, err = b.store.verify(ctx, b.store.prefix+"run/", b.load.ledgers); err != nil {
		return err
	}
	if found := report.Verdict.Found; found != int64(told) {
		b.notes.problem("the nodes tell of %.0f records delivered, the store holds %d", told, found)
	}
	return nil
}

// settle waits until a node has delivered all, checks its books and stops it. It returns how many records the node says it
// has delivered.
func (b *bed) settle(ctx context.Context, n *node) (delivered float64, err error) {
	if n.ended() {
		if err := n.launch(ctx); err != nil {
			return 0, err
		}
	}
	if err := n.delivered(ctx); err != nil {
		return 0, err
	}
	m, err := n.metrics(ctx)
	if err != nil {
		return 0, err
	}
	delivered = m[deliveredRecords] + m[errorOutputRecords]
	gone := m["hydrant_quarantined_records_total"] + m["hydrant_discarded_records_total"] + m["hydrant_dropped_records_total"]
	if in := m[accepted]; in != delivered+gone {
		b.notes.problem("the books of %s do not balance: of %.0f records %.0f are delivered, %.0f given up", n.name, in, delivered, gone)
	}
	if gone > 0 {
		b.notes.problem("%s has given %.0f records up, but nobody has damaged its files", n.name, gone)
	}
	if ranges := m["hydrant_buffer_damaged_ranges"]; ranges > 0 {
		b.notes.problem("%s tells of %.0f damaged ranges, but nobody has damaged its files", n.name, ranges)
	}
	return delivered, n.terminate()
}

// delivered waits until nothing is pending.
func (n *node) delivered(ctx context.Context) error {
	return n.await(ctx, "everything is delivered", func(ctx context.Context) (bool, error) {
		if n.ended() {
			return false, n.errorf("it has ended: %w", n.current().Err())
		}
		m, err := n.metrics(ctx)
		_, known := m["hydrant_pending_records"]
		return err == nil && known && m["hydrant_pending_records"] == 0 && m["hydrant_pending_bytes"] == 0, nil
	})
}

// conclude says whether the run was good.
func (r *Report) conclude(n *notes, o Options) {
	for _, short := range r.short(o.wanted) {
		n.problem("a fault was to be made more often: %s", short)
	}
	if r.Verdict != nil && r.Verdict.Acked < o.Records {
		n.problem("more records were to be acknowledged: %s of %s", humanize.Comma(r.Verdict.Acked), humanize.Comma(o.Records))
	}
	for _, f := range r.Faults {
		if f.Met == 0 {
			n.problem("the fault %s met nothing in %d times: it has shown nothing", f.Name, f.Times)
		}
	}
	for _, g := range r.growth() {
		if g.leaks(r.Seconds) {
			n.problem("%s grew from %s to %s", g.what, g.shown(g.early), g.shown(g.late))
		}
	}
	r.Rot, r.Problems, r.More = n.rot, append(r.Problems, n.problems...), n.more
	r.OK = len(r.Problems) == 0 && r.Verdict != nil && r.Verdict.OK()
}
