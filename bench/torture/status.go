package torture

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/dustin/go-humanize"

	"hydrant/bench/child"
)

// status is what a run tells of itself while it goes on.
type status struct {
	fault    atomic.Pointer[string] // of the moment; nil before the first
	survived atomic.Int64           // faults
	records  atomic.Int64           // acknowledged by all nodes, in all their lives
}

// watch looks at the nodes each second until the function that it returns is called: it writes a line of how things are, on a
// terminal in the place of the line before, and weighs the nodes for the report.
func (b *bed) watch(ctx context.Context, report *Report, progress io.Writer) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { // stop waits for it
		defer close(done)
		started, weighed := time.Now(), time.Duration(0)
		records := make([]float64, len(b.nodes))
		before, after, end := "", "\n", ""
		if isTerminal(progress) {
			before, after, end = "\r\x1b[K", "", "\n"
		}
		for ctx.Err() == nil {
			pause(ctx, time.Second)
			all := b.look(ctx, records)
			since := time.Since(started)
			fmt.Fprint(progress, before, b.statusLine(since), after) // a lost line is no loss
			if since-weighed >= b.options.weighEvery() {
				weighed = since
				report.Weights = append(report.Weights, weigh(since, all))
			}
		}
		fmt.Fprint(progress, end)
	}()
	return func() { cancel(); <-done }
}

// look reads the metrics of the nodes that are up, and counts the records of all: of a node that is down the last count is
// kept.
func (b *bed) look(ctx context.Context, records []float64) (all []child.Metrics) {
	sum := 0.0
	for i, n := range b.nodes {
		if m, err := n.metrics(ctx); err == nil {
			records[i] = m[accepted]
			all = append(all, m)
		}
		sum += records[i]
	}
	b.status.records.Store(int64(sum))
	return all
}

func (b *bed) statusLine(since time.Duration) string {
	fault := cmp.Or(b.status.fault.Load(), new(string))
	return fmt.Sprintf("%4.0f s  %s faults survived  %s records acknowledged  %d problems  %s", since.Seconds(),
		humanize.Comma(b.status.survived.Load()), humanize.Comma(b.status.records.Load()), b.notes.count(), *fault)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
