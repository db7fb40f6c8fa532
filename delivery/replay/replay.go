package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
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
