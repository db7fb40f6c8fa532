package replay

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/dustin/go-humanize"
)

// Options say what to replay, and into which stream. Decompress, Source, Form and Node are required.
type Options struct {
	Source    Source
	Form      Form
	Selection Selection
	Node      Node

	// Decompress reads an object of whatever compression.
	Decompress func(io.Reader) (io.ReadCloser, error)

	State  string // file for the marks; empty keeps them with the originals
	Rate   int64  // records a second at most; 0 means no bound
	Delete bool   // originals all of whose records were acknowledged
	DryRun bool   // plan and count, and send nothing

	Out, Progress io.Writer // results, and everything else
}

// The limits of a batch. A node that takes less says so, and gets less from then on.
const (
	batchRecords = 1000
	batchBytes   = 1 << 20
)

// maxRefused is how many spans of refused records a mark holds: a stream that refuses more is not the right one.
const maxRefused = 1000

// ErrIncomplete says that records were refused or objects could not be read. Each has been told.
var ErrIncomplete = errors.New("not everything could be replayed; what was refused or could not be read is left, for another run")

// Run shows the plan and does it. Each record of the originals selected is acknowledged by the node once, however often Run
// is killed and called again, as far as the node remembers the batch that was being sent (see Window): where it may not,
// the batch is sent again, and told. Errors: ErrIncomplete; any other ended the replay.
func Run(ctx context.Context, o Options) error { return New(o).Run(ctx) }

// Replay is one that can be watched. Its life is New, Run; Status may be called at any time.
type Replay struct{ run run }

// New prepares a replay and opens nothing.
func New(o Options) *Replay {
	r := &Replay{run{options: o, limit: batchRecords, pace: pace{rate: o.Rate}, now: time.Now}}
	node := o.Node
	node.Waiting = r.run.tally.wait
	r.run.sender = &node
	return r
}

// Run is the function of that name. It is called once.
func (r *Replay) Run(ctx context.Context) (err error) {
	if d, ok := r.run.options.Source.(Directory); ok {
		if _, err := os.Stat(d.Path); err != nil { // before the marks would make it
			return fmt.Errorf("open the originals: %w", err)
		}
	}
	if r.run.marks, err = openMarks(r.run.options); err != nil {
		return fmt.Errorf("open the marks of what was replayed: %w: --state names a file for them", err)
	}
	return errors.Join(r.run.all(ctx), r.run.marks.close())
}

// Status is how far the replay is.
func (r *Replay) Status() Status { return r.run.tally.status() }

// openMarks opens what keeps the marks: beside the originals, unless the options name a file.
func openMarks(o Options) (marks, error) {
	path := o.State
	switch source := o.Source.(type) {
	case Bucket:
		if path == "" {
			return bucketMarks{source, o.Node.Stream}, nil
		}
	case Directory:
		if path == "" {
			path = filepath.Join(source.Path, marksDirectory, o.Node.Stream+".jsonl")
		}
	}
	if _, err := os.Stat(path); o.DryRun && os.IsNotExist(err) {
		return &journal{}, nil // a dry run makes no file
	}
	return openJournal(path, o.Node.Stream)
}

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

// pass sends what is left of one original.
type pass struct {
	run     *run
	mark    *mark
	version string // of the mark as it is kept
}

func (p *pass) all(ctx context.Context, records *reader) error {
	for len(p.mark.Left) > 0 {
		b, err := records.read(p.next())
		if err == nil && p.mark.Sending != nil && p.mark.Sending.span != b.span {
			err = records.err // of another span it is another batch, and would be stored besides the one that was sent
		}
		if err != nil {
			return &objectError{err}
		}
		if len(b.records) == 0 {
			break
		}
		if err := p.run.pace.wait(ctx, len(b.records)); err != nil {
			return err
		}
		if err := p.deliver(ctx, b); err != nil {
			return err
		}
	}
	p.mark.Left, p.mark.Sending = nil, nil
	return p.save(ctx)
}

// next is the batch that a run before was sending, as it was, or else as much as may be.
func (p *pass) next() (s span, records int64, size int) {
	if s := p.mark.Sending; s != nil {
		return s.span, s.To - s.From, longestBatch
	}
	limit := p.run.limit
	if rate := p.run.options.Rate; rate > 0 {
		limit = min(limit, rate)
	}
	return p.mark.Left[0], limit, batchBytes
}

// longestBatch holds any batch.
const longestBatch = batchRecords * longestRecord

// deliver has a batch acknowledged, all of it but the records that the node refuses. A batch is refused as a whole; each
// half of it is sent then.
func (p *pass) deliver(ctx context.Context, b batch) error {
	doubtful := p.mark.doubtful(p.run.now()) && p.mark.Sending.span == b.span
	p.mark.intend(b.span, p.run.now())
	if err := p.save(ctx); err != nil {
		return err
	}
	known, err := p.run.sender.send(ctx, p.key(b), b.records)
	var refusal *Refusal
	switch {
	case err == nil:
		p.acknowledged(b, known, doubtful)
		return nil
	case !errors.As(err, &refusal) || !refusal.ofRecords():
		return fmt.Errorf("records %d to %d: %w", b.From+1, b.To, err)
	case len(b.records) == 1:
		return p.refused(b, refusal)
	}
	first, second := b.halves()
	if refusal.Code != "invalid_record" && refusal.Code != "record_too_large" {
		p.run.limit = max(1, int64(len(first.records))) // the node takes less at once
	}
	if err := p.deliver(ctx, first); err != nil {
		return err
	}
	return p.deliver(ctx, second)
}

func (p *pass) acknowledged(b batch, known, doubtful bool) {
	p.mark.acknowledged(b.span)
	n := int64(len(b.records))
	doubtful = doubtful && !known
	if doubtful {
		p.run.tell("object %s: records %d to %d were being sent by a run that ended more than %v ago: they are sent again, and may be stored twice",
			p.mark.Object.Key, b.From+1, b.To, Window)
	}
	p.run.tally.add(func(c *counts) {
		c.records += n
		if known {
			c.known += n
		}
		if doubtful {
			c.doubted += n
		}
	})
}

func (p *pass) refused(b batch, why error) error {
	p.mark.refused(b.span)
	p.run.tally.add(func(c *counts) { c.refused++ })
	p.run.tell("object %s: record %d is refused: %v", p.mark.Object.Key, b.From+1, why)
	if len(p.mark.Refused) > maxRefused {
		return fmt.Errorf("the node refuses more than %d of its records: is %s the right stream?", maxRefused, p.run.options.Node.Stream)
	}
	return nil
}

func (p *pass) save(ctx context.Context) error {
	version, err := p.run.marks.save(ctx, p.mark, p.version)
	if err != nil {
		return fmt.Errorf("write its mark: %w", err)
	}
	p.version = version
	return nil
}

// key names the batch, by what it holds and where it goes.
func (p *pass) key(b batch) string {
	identity, err := json.Marshal([]any{p.run.options.Source.Name(), p.run.options.Node.Stream, p.mark.Object, p.mark.Form, b.From, b.To})
	if err != nil {
		panic("replay: a batch's identity is always JSON: " + err.Error()) // strings and numbers
	}
	hash := sha256.Sum256(identity)
	return "replay-" + hex.EncodeToString(hash[:])
}
