package torture

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"time"

	"hydrant/bench"
)

// load is all that is sent to nodes, until stop.
type load struct {
	cancel  context.CancelFunc
	running sync.WaitGroup
	ledgers []string

	mu   sync.Mutex
	errs []error
}

// startLoad sends to each node single records and batches, at the options' rate together.
func (b *bed) startLoad(ctx context.Context) *load {
	ctx, cancel := context.WithCancel(ctx)
	l := &load{cancel: cancel}
	for _, n := range b.nodes {
		single, batches := loadOn(n), loadOn(n)
		single.API, single.Connections, single.Rate = bench.Firehose, 4, b.options.Rate/10
		batches.Batch, batches.Connections, batches.Rate = 50, 4, b.options.Rate*9/10
		for name, o := range map[string]bench.Options{"single": single, "batches": batches} {
			o.Ledger = filepath.Join(n.dir, name+".ledger")
			l.ledgers = append(l.ledgers, o.Ledger)
			l.running.Go(func() { l.send(ctx, o) })
		}
	}
	return l
}

// loadOn are a load's options but for its form and rate.
func loadOn(n *node) bench.Options {
	o := bench.DefaultOptions()
	o.URL, o.Stream = []string{n.url()}, n.stream
	o.Keys, o.Timeout, o.Duration = 7, 5*time.Second, 24*365*time.Hour
	return o
}

func (l *load) send(ctx context.Context, o bench.Options) {
	if _, err := bench.Run(ctx, o, nil); err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.errs = append(l.errs, err)
	}
}

// stop ends the load after the answers under way.
func (l *load) stop() error {
	l.cancel()
	l.running.Wait()
	return errors.Join(l.errs...)
}
