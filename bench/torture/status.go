package torture

import (
	"cmp"
	"context"
	"fmt"
	"io"
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

// watch looks at the nodes each second until the function that it returns is called: it writes a line of how things are, and
// weighs the nodes for the report.
func (b *bed) watch(ctx context.Context, report *Report, progress io.Writer) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { // stop waits for it
		defer close(done)
		started, weighed := time.Now(), time.Duration(0)
		records := make([]float64, len(b.nodes))
		for ctx.Err() == nil {
			pause(ctx, time.Second)
			all := b.look(ctx, records)
			since := time.Since(started)
			fmt.Fprintln(progress, b.statusLine(since)) // a lost line is no loss
			if since-weighed >= b.options.weighEvery() {
				weighed = since
				report.Weights = append(report.Weights, weigh(since, all))
			}
		}
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
