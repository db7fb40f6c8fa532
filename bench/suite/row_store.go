package suite

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"hydrant/bench/child"
)

// toStore is what it takes from the first POST until every acknowledged record lies in the store.
type toStore struct{}

func (toStore) name() string { return "to-store" }

func (toStore) about() string {
	return fmt.Sprintf("%s, gzip, objects of 64 MiB, memory: 256MiB; a load for a while, then a stop that delivers the rest: "+
		"time and costs from the first request until the last record lies in the store", batches)
}

func (toStore) targets() []target {
	return []target{
		{"to the store / floor, MB/s", 0.034, 0.05, false, over(megabytesPS, "node", "floor")},
		{"server CPU s/GB", 8, 6, true, plain(serverCPU, "node")},
		{"peak RssAnon, MB", 256, 150, true, plain(peakAnon, "node")},
	}
}

func (toStore) sample(ctx context.Context, b *bed) (Sample, error) {
	floor, err := b.measureFloor(ctx, batches)
	if err != nil {
		return Sample{}, err
	}
	s := setup{compression: "gzip", size: "64MiB", interval: "60s", memory: "256MiB"}
	side, err := b.measureToStore(ctx, s, batches)
	return Sample{Sides: []Side{floor, side}}, err
}

// measureToStore makes a load on a new node, lets it deliver everything and end, and measures all of that.
func (b *bed) measureToStore(ctx context.Context, with setup, l load) (Side, error) {
	s, err := b.openStore(ctx)
	if err != nil {
		return Side{}, err
	}
	defer s.close()
	with.store = s
	n, err := b.startNode(ctx, with)
	if err != nil {
		return Side{}, err
	}
	defer n.close()
	used, stored := n.watch.used(), s.used()
	side, report, err := b.measure(ctx, n.server, b.to(n.url, l))
	if err != nil {
		return Side{}, err
	}
	loaded := time.Now()
	if err := n.Finish(); err != nil {
		return Side{}, err
	}
	seconds := report.Measured.Seconds + time.Since(loaded).Seconds()
	if err := b.checkSettled(ctx, n, report.Acked); err != nil {
		return Side{}, err
	}
	if err := s.check(ctx, float64(report.Acked)); err != nil {
		return Side{}, err
	}
	cost, gigabytes := n.watch.used().since(used), report.Measured.Megabytes/1e3
	f := side.Figures
	delete(f, requestsPS) // of the load alone
	f[megabytesPS] = gigabytes * 1e3 / seconds
	f[elapsed] = seconds
	f[serverCPU] = cost.cpu.Seconds() / gigabytes
	s.cost(f, stored, gigabytes)
	f[writtenShare] = float64(cost.written) / 1e9 / gigabytes
	n.watch.memory(f)
	return side, nil
}

// checkSettled wants a node that has ended to have taken so many records, and to hold none of them any more.
func (b *bed) checkSettled(ctx context.Context, n *node, records int64) error {
	out, err := exec.CommandContext(ctx, b.program, "inspect", "--json", n.data()).Output()
	if err != nil {
		return fmt.Errorf("look at what the node has left: %w", err)
	}
	return checkInspection(out, records)
}

// checkInspection reads what `hydrant inspect --json` prints.
func checkInspection(out []byte, records int64) error {
	for line := range bytes.Lines(out) {
		var found struct {
			Type string
			Item struct {
				Name              string
				Accepted, Pending int64
			}
		}
		if err := json.Unmarshal(line, &found); err != nil {
			return fmt.Errorf("what the node has left: %w", err)
		}
		if s := found.Item; found.Type == "stream" && s.Name == streamName {
			if s.Accepted != records || s.Pending != 0 {
				return fmt.Errorf("the node took %d records of %d and did not deliver %d", s.Accepted, records, s.Pending)
			}
			return nil
		}
	}
	return errors.New("what the node has left names no stream")
}

// partitions is delivery by one simple key beside delivery without.
type partitions struct{}

func (partitions) name() string { return "partitions" }

func (partitions) about() string {
	return fmt.Sprintf("%s, gzip, until every record lies in the store: by one key of 100 values, beside no key", batches)
}

func (partitions) targets() []target {
	return []target{{"100 partitions / one, MB/s", 0.9, 0.95, false, over(megabytesPS, "100 partitions", "one partition")}}
}

func (partitions) sample(ctx context.Context, b *bed) (Sample, error) {
	s := setup{compression: "gzip", size: "64MiB", interval: "60s"}
	one, err := b.measureToStore(ctx, s, batches.spread(100))
	if err != nil {
		return Sample{}, err
	}
	one.Name = "one partition"
	s.partitioned = true
	many, err := b.measureToStore(ctx, s, batches.spread(100))
	many.Name = "100 partitions"
	return Sample{Sides: []Side{one, many}}, err
}

// openPartitions is the memory of a node with very many open objects.
type openPartitions struct{}

func (openPartitions) name() string { return "open-partitions" }

func (openPartitions) about() string {
	return fmt.Sprintf("%s, gzip, by one key of 10,000 values (fewer in a quick run), no object large or old enough to be sealed", batches)
}

func (openPartitions) targets() []target {
	return []target{{"peak RssAnon, MB", 1074, 537, true, plain(peakAnon, "node")}}
}

func (openPartitions) sample(ctx context.Context, b *bed) (Sample, error) {
	s, err := b.openStore(ctx)
	if err != nil {
		return Sample{}, err
	}
	defer s.close()
	n, err := b.startNode(ctx, setup{store: s, compression: "gzip", size: "64MiB", partitioned: true})
	if err != nil {
		return Sample{}, err
	}
	defer n.close()
	keys := b.options.partitions
	side, err := b.measureNode(ctx, n, b.backlog(n, batches.spread(keys)))
	if err != nil {
		return Sample{}, err
	}
	var m child.Metrics
	reached := n.Await(ctx, "the partitions are open", func() bool {
		m, err = n.metrics(ctx)
		return err != nil || m["hydrant_open_objects"]+m["hydrant_sealed_objects_total"] >= 0.9*float64(keys)
	})
	if err := errors.Join(reached, err); err != nil {
		return Sample{}, err
	}
	side.Figures[openObjects] = m["hydrant_open_objects"]
	n.watch.memory(side.Figures)
	return Sample{Sides: []Side{side}}, nil
}
