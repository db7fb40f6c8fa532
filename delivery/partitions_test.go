package delivery_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hydrant/buffer"
	"hydrant/delivery/deliverytest"
	"hydrant/stream"
)

// Past the bound the partitions that were not written to for longest are delivered early, and every record is in its place.
func TestPartitionsPastTheBoundAreDeliveredEarly(t *testing.T) {
	w := newWorld(t, func(s *stream.Stream) { s.Partitions.Max = 10 })
	w.start()
	w.awaitRead()
	var want []string
	put := func(key string, n int) {
		w.append(record(key, n))
		want = append(want, "key="+key+" "+record(key, n))
	}
	const cold = 60
	for i := range cold {
		put("hot", i)
		put(fmt.Sprintf("cold%d", i), i)
	}
	w.eventually("the coldest are delivered", func() bool { return len(w.objects.Keys()) > cold-15 })
	for _, key := range w.objects.Keys() {
		if strings.HasPrefix(key, "key=hot/") {
			t.Errorf("a partition in constant use was delivered early: %s", key)
		}
	}
	if n := w.service.Active()["s"]; n > 10+7 { // and what a block opens
		t.Errorf("%d partitions are open, want 10", n)
	}
	w.drain()
	w.want(want...)
}

// While the destination is away the bound holds: the reader waits.
func TestPartitionsAreBoundedInAnOutage(t *testing.T) {
	w := newWorld(t, func(s *stream.Stream) { s.Partitions.Max = 20 })
	w.cfg.Waiting = 8
	away := down(w.objects)
	var batch, want []string
	for i := range 500 {
		key := fmt.Sprint("k", i)
		batch = append(batch, record(key, i))
		want = append(want, "key="+key+" "+record(key, i))
	}
	w.append(batch...)
	w.start()
	w.eventually("the outage is noticed", func() bool { return len(w.service.Health()) == 1 })
	for range 100 {
		if n := w.service.Active()["s"]; n > 20+7 {
			t.Fatalf("%d partitions are open, want 20", n)
		}
		time.Sleep(time.Millisecond) // between two looks: none may ever see more
	}
	away.Store(false)
	w.drain()
	w.want(want...)
}

// A cold partition waits for the longer interval, unless it grows; a warm one does not wait for it.
func TestColdPartitionsWaitLonger(t *testing.T) {
	w := newWorld(t, func(s *stream.Stream) {
		s.Buffering = stream.Buffering{Size: stream.MiB, Interval: stream.Duration(10 * time.Millisecond), ColdInterval: stream.Duration(time.Hour)}
	})
	w.start()
	w.awaitRead()
	large := fmt.Sprintf(`{"key":"warm","pad":%q}`, strings.Repeat("x", 100<<10))
	w.append(record("cold", 1), large, record("grows", 1))
	w.eventually("the warm one is delivered", func() bool { return len(w.objects.Keys()) == 1 })
	w.append(fmt.Sprintf(`{"key":"grows","pad":%q}`, strings.Repeat("x", 100<<10)))
	w.eventually("the one that grew is delivered", func() bool { return len(w.objects.Keys()) == 2 })
	for _, key := range w.objects.Keys() {
		if strings.HasPrefix(key, "key=cold/") {
			t.Errorf("the cold one did not wait: %s", key)
		}
	}
	w.drain()
	if n := len(w.lines()); n != 4 {
		t.Errorf("%d lines, want 4", n)
	}
}

// The longer interval ends too.
func TestColdPartitionsAreDelivered(t *testing.T) {
	w := newWorld(t, func(s *stream.Stream) {
		s.Buffering.Interval, s.Buffering.ColdInterval = stream.Duration(time.Millisecond), stream.Duration(50*time.Millisecond)
	})
	w.start()
	for i := range 3 {
		w.append(record("a", i), record("b", i))
		w.eventually("both are delivered", func() bool { return len(w.lines()) == 2*(i+1) })
	}
}

// One partition is delivered again and again while another one is cold: what is kept of it does not grow.
func TestColdPartitionKeepsStateSmall(t *testing.T) {
	w := newWorld(t, func(s *stream.Stream) {
		s.Buffering = stream.Buffering{Size: 100, Interval: stream.Duration(time.Hour)}
	})
	w.start()
	w.awaitRead()
	w.append(record("cold", 0))
	large := fmt.Sprintf(`{"key":"hot","pad":%q}`, strings.Repeat("x", 100))
	const objects = 20
	for i := range objects {
		w.append(large)
		w.eventually("it is delivered", func() bool { return w.service.Books()["s"].Delivered == int64(i+1) })
	}
	manifests := 0
	w.kill()
	w.look(func(l buffer.Lane) {
		for key := range l.State() {
			if strings.HasPrefix(key, "manifest/") {
				manifests++
			}
		}
	})
	if manifests > 1 {
		t.Errorf("%d manifests of one partition are kept, want the last", manifests)
	}
	w.start()
	w.drain()
	if n := len(w.lines()); n != objects+1 {
		t.Errorf("%d lines, want %d", n, objects+1)
	}
}

// A partition that fills one object after the other, faster than the destination takes them, leaves room for another one
// whose interval is over.
func TestHotPartitionDoesNotStarveOthers(t *testing.T) {
	w := newWorld(t, func(s *stream.Stream) {
		s.Buffering = stream.Buffering{Size: 100, Interval: stream.Duration(20 * time.Millisecond)}
		s.Compression = "none"
	})
	w.cfg.Waiting, w.cfg.Uploads = 2, 1
	var stop atomic.Bool
	w.objects.Hook(deliverytest.Create, func(ctx context.Context, key string) error {
		select { // slower than records come
		case <-time.After(5 * time.Millisecond):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	large := fmt.Sprintf(`{"key":"hot","pad":%q}`, strings.Repeat("x", 100))
	w.start()
	fed := make(chan int)
	go func() {
		n := 0
		for ; !stop.Load() && n < 3000; n++ {
			for n-len(w.objects.Keys()) > 60 && !stop.Load() {
				time.Sleep(time.Millisecond) // there is always a backlog, and no more than that
			}
			if _, err := w.log.Append(context.Background(), buffer.Batch{Stream: w.id, Records: [][]byte{[]byte(large)}}); err != nil {
				break
			}
		}
		fed <- n
	}()
	w.append(record("quiet", 1))
	w.eventually("the quiet one is delivered", func() bool {
		for _, key := range w.objects.Keys() {
			if strings.HasPrefix(key, "key=quiet/") {
				return true
			}
		}
		return false
	})
	stop.Store(true)
	n := <-fed
	w.drain()
	if got := len(w.lines()); got != n+1 {
		t.Errorf("%d lines, want %d", got, n+1)
	}
	if n == 3000 {
		t.Error("the quiet one was delivered after the others only")
	}
}

// exceeding is a world that has Firehose's way with too many partitions.
func exceeding(t *testing.T, interval time.Duration) *world {
	return newWorld(t, func(s *stream.Stream) {
		s.Partitions = stream.Partitions{Max: 3, Exceeded: stream.ExceededError}
		s.Buffering.Interval = stream.Duration(interval)
		s.ErrorPrefix = "errors/!{firehose:error-output-type}/"
	})
}

// outcomes are the records at the destination, those of the error output by their raw data: how often each is there.
func (w *world) outcomes() (data, failed map[string]int) {
	w.t.Helper()
	data, failed = map[string]int{}, map[string]int{}
	for _, line := range w.lines() {
		segment, text, _ := strings.Cut(line, " ")
		if segment != "errors" {
			data[text]++
			continue
		}
		var failure struct {
			ErrorCode string
			RawData   []byte
		}
		if err := json.Unmarshal([]byte(text), &failure); err != nil || failure.ErrorCode != "DynamicPartitioning.ActivePartitionsExceeded" {
			w.t.Fatalf("the error output holds %s: %v", text, err)
		}
		failed[string(failure.RawData)]++
	}
	return data, failed
}

// Firehose's way: while as many partitions as may be are open, records of others go to the error output.
func TestPartitionsExceededIsAnError(t *testing.T) {
	w := exceeding(t, time.Hour)
	w.start()
	w.awaitRead()
	for i := range 20 {
		w.append(record(fmt.Sprint("k", i%5), i))
	}
	w.drain()
	data, failed := w.outcomes()
	if len(data) != 12 || len(failed) != 8 {
		t.Errorf("%d records are delivered and %d failed, want 12 and 8: %v", len(data), len(failed), failed)
	}
	if books := w.service.Books()["s"]; books.Delivered != 12 || books.Errors["processing-failed"] != 8 {
		t.Errorf("the books say %+v", books)
	}
}

// What one record holds makes error output within bounds, however much each of its pieces would keep of it.
func TestPartitionsExceededByOneRecord(t *testing.T) {
	w := newWorld(t, func(s *stream.Stream) {
		s.Partitions = stream.Partitions{Max: 3, Exceeded: stream.ExceededError}
		s.ErrorPrefix = "errors/!{firehose:error-output-type}/"
		s.Processing = stream.Processing{Decompression: stream.DecompressionGzip, CloudWatchLogs: stream.CloudWatchLogsMessages}
	})
	var events []string
	for i := range 20 {
		events = append(events, fmt.Sprintf(`{"message":%q}`, record(fmt.Sprint("k", i), i)))
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = fmt.Fprintf(z, `{"messageType":"DATA_MESSAGE","logGroup":%q,"logEvents":[%s]}`, strings.Repeat("g", 8<<20), strings.Join(events, ","))
	_ = z.Close()
	w.start()
	w.awaitRead()
	w.append(zipped.String())
	w.drain()
	data, failed := w.outcomes() // a line of error output has 10.7 MiB
	if len(data) != 14 || len(failed) != 6 {
		t.Errorf("%d records are delivered and %d failed, want 14 and 6", len(data), len(failed))
	}
}

// A life may end at any step, and the next one finds other partitions open: what was decided stays, and every record is at
// one place, once.
func TestPartitionsExceededKilledAtEveryStep(t *testing.T) {
	const records = 24
	failures := 0
	for step, killed := 1, true; killed; step++ {
		w := exceeding(t, time.Millisecond)
		killed = w.liveUntil(step, func() {
			w.start()
			for i := range records / 2 {
				w.append(record(fmt.Sprint("k", i%5), i), record(fmt.Sprint("k", (i+2)%7), records+i))
			}
		}, w.objects)
		w.start()
		w.drain()
		data, failed := w.outcomes()
		total := 0
		for r, n := range data {
			if total += n; n != 1 || failed[r] != 0 {
				t.Fatalf("killed at step %d: %s is delivered %d times and failed %d times", step, r, n, failed[r])
			}
		}
		for r, n := range failed {
			if total += n; n != 1 {
				t.Fatalf("killed at step %d: %s failed %d times", step, r, n)
			}
		}
		if total != records {
			t.Fatalf("killed at step %d: %d records, want %d", step, total, records)
		}
		failures += len(failed)
	}
	if failures == 0 {
		t.Error("no partition was ever one too many")
	}
}
