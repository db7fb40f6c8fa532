package suite

import (
	"context"
	"net/http"
	"strings"
	"time"

	"hydrant/bench/child"
)

// startUp is how long a node that was killed takes to acknowledge again.
type startUp struct{}

func (startUp) name() string { return "start" }

func (startUp) about() string {
	return "from the start of the process to its first acknowledged record: with nothing buffered, and after a kill with a backlog (--backlog)"
}

func (startUp) targets() []target {
	return []target{
		{"start with the backlog to the first ack, s", 5, 1, true, plain(elapsed, "backlog")},
		{"peak RssAnon, MB", 537, 268, true, plain(peakAnon, "backlog")},
	}
}

func (startUp) sample(ctx context.Context, b *bed) (Sample, error) {
	n, err := b.startNode(ctx, setup{})
	if err != nil {
		return Sample{}, err
	}
	defer n.close()
	n.Kill()
	empty, err := b.firstAck(ctx, n)
	if err != nil {
		return Sample{}, err
	}
	empty.Name = "empty"
	if _, err := b.send(ctx, n.server, b.backlog(n, batches)); err != nil {
		return Sample{}, err
	}
	n.Kill()
	full, err := b.firstAck(ctx, n)
	if err != nil {
		return Sample{}, err
	}
	full.Name = "backlog"
	return Sample{Sides: []Side{empty, full}}, nil
}

// firstAck starts a killed node and sends it records until it takes one.
func (b *bed) firstAck(ctx context.Context, n *node) (Side, error) {
	start := time.Now()
	if err := b.launch(ctx, n); err != nil {
		return Side{}, err
	}
	err := n.Await(ctx, "it acknowledges a record", func() bool { return n.takes(ctx) })
	seconds := time.Since(start).Seconds()
	if err != nil {
		return Side{}, err
	}
	if err := n.Await(ctx, "it is ready", func() bool { return child.Answers(ctx, n.admin+"/readyz") }); err != nil {
		return Side{}, err
	}
	m, err := n.metrics(ctx)
	if err != nil {
		return Side{}, err
	}
	side := Side{Figures: Figures{elapsed: seconds, backlogBytes: m["hydrant_pending_bytes"]}}
	n.watch.memory(side.Figures)
	return side, nil
}

// takes sends one record and reports whether it was stored.
func (n *node) takes(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	address := n.url + "/v1/streams/" + streamName + "/records"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(`{"first":true}`))
	if err != nil {
		return false
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// idle is what a node costs that nobody sends to.
type idle struct{}

func (idle) name() string { return "idle" }

func (idle) about() string { return "a node with one stream and a store, to which nobody sends" }

func (idle) targets() []target {
	return []target{{"% of a core", 1, 0, true, plain(corePercent, "node")}}
}

func (idle) sample(ctx context.Context, b *bed) (Sample, error) {
	s, err := b.openStore(ctx)
	if err != nil {
		return Sample{}, err
	}
	defer s.close()
	n, err := b.startNode(ctx, setup{store: s, compression: "gzip", size: "64MiB", interval: "60s"})
	if err != nil {
		return Sample{}, err
	}
	defer n.close()
	if err := pause(ctx, b.options.Warmup); err != nil {
		return Sample{}, err
	}
	start, used := time.Now(), n.watch.used()
	if err := pause(ctx, 2*b.options.Duration); err != nil { // the kernel counts in hundredths of a second
		return Sample{}, err
	}
	cpu := n.watch.used().since(used).cpu
	side := Side{Name: "node", Figures: Figures{corePercent: 100 * cpu.Seconds() / time.Since(start).Seconds()}}
	n.watch.memory(side.Figures)
	return Sample{Sides: []Side{side}}, nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
