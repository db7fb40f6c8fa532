package torture

import (
	"context"
	"math/rand/v2"
	"net"
	"time"
)

func killOne(ctx context.Context, b *bed, random *rand.Rand) (int, error) {
	n := b.node(random)
	n.kill()
	pause(ctx, between(random, 0, 500*time.Millisecond))
	return 1, n.launch(ctx)
}

func crashLoop(ctx context.Context, b *bed, random *rand.Rand) (met int, err error) {
	n := b.node(random)
	n.kill()
	for range 2 + random.IntN(4) {
		if err := n.launch(ctx); err != nil {
			return met, err
		}
		pause(ctx, between(random, 0, 400*time.Millisecond))
		n.kill()
		met++
	}
	return met, n.launch(ctx)
}

func restartOne(ctx context.Context, b *bed, random *rand.Rand) (int, error) {
	return 1, b.restart(ctx, b.node(random))
}

func (b *bed) restart(ctx context.Context, n *node) error {
	if err := n.terminate(); err != nil {
		return err
	}
	return n.launch(ctx)
}

func rollingRestart(ctx context.Context, b *bed, _ *rand.Rand) (met int, err error) {
	for _, n := range b.nodes {
		if err := b.restart(ctx, n); err != nil {
			return met, err
		}
		met++
		if err := n.recover(ctx); err != nil {
			return met, err
		}
	}
	return met, nil
}

// reloadStorm changes the prefix again and again, with configurations in between that must be rejected whole.
func reloadStorm(ctx context.Context, b *bed, random *rand.Rand) (met int, err error) {
	n := b.node(random)
	broken := []string{"", "streams: {torture: {buffering: {size: 1}}}", "data_dir: [", "listen: nowhere\nunknown: 1"}
	for range 20 {
		if random.IntN(2) == 0 {
			err = n.write(broken[random.IntN(len(broken))])
		} else {
			err = n.configure(random.IntN(3))
		}
		if err == nil {
			err = n.reload()
		}
		if err != nil {
			return met, err
		}
		met++
		pause(ctx, between(random, 0, 100*time.Millisecond))
	}
	if err := n.configure(random.IntN(3)); err != nil {
		return met, err
	}
	return met, n.reload()
}

// slowClients hold connections that never become a request. The load must go on beside them.
func slowClients(ctx context.Context, b *bed, random *rand.Rand) (met int, err error) {
	const clients = 200
	n := b.node(random)
	head := "POST /v1/streams/" + n.stream + "/records HTTP/1.1\r\nHost: node\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
	var connections []net.Conn
	defer func() {
		for _, c := range connections {
			_ = c.Close() // the node may have closed it first
		}
	}()
	for range clients {
		c, err := net.DialTimeout("tcp", n.listen, patience)
		if err != nil {
			return met, n.errorf("it takes no connection: %w", err)
		}
		connections = append(connections, c)
		if _, err := c.Write([]byte(head[:random.IntN(len(head))])); err == nil {
			met++
		}
	}
	before, err := n.metrics(ctx)
	if err != nil {
		return met, err
	}
	err = n.await(ctx, "the load goes on beside slow clients", func(ctx context.Context) (bool, error) {
		for i, c := range connections {
			_, _ = c.Write([]byte(head[i%len(head):][:1])) // it may be closed
		}
		m, err := n.metrics(ctx)
		return err == nil && m[accepted] > before[accepted]+b.options.Rate, nil
	})
	return met, err
}
