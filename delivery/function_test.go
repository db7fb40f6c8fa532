package delivery_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hydrant/buffer"
	"hydrant/delivery"
	"hydrant/delivery/transform"
	"hydrant/stream"
)

// invoke is an Invoker.
type invoke func(ctx context.Context, request []byte) ([]byte, error)

func (f invoke) Invoke(ctx context.Context, request []byte) ([]byte, error) { return f(ctx, request) }

type functionRecord struct {
	RecordID string `json:"recordId"`
	Result   string `json:"result"`
	Data     []byte `json:"data,omitempty"`
	Metadata any    `json:"metadata,omitempty"`
}

// each answers a request record by record.
func each(fn func(data string) functionRecord) invoke {
	return func(_ context.Context, request []byte) ([]byte, error) {
		var in struct{ Records []functionRecord }
		if err := json.Unmarshal(request, &in); err != nil {
			return nil, err
		}
		var out struct {
			Records []functionRecord `json:"records"`
		}
		for _, r := range in.Records {
			a := fn(string(r.Data))
			a.RecordID = r.RecordID
			out.Records = append(out.Records, a)
		}
		return json.Marshal(out)
	}
}

// shout is a function by what its records say.
var shout = each(func(data string) functionRecord {
	switch {
	case strings.Contains(data, "drop"):
		return functionRecord{Result: "Dropped"}
	case strings.Contains(data, "fail"):
		return functionRecord{Result: "ProcessingFailed"}
	}
	key := map[string]any{"partitionKeys": map[string]string{"first": data[:1]}}
	return functionRecord{Result: "Ok", Data: []byte(strings.ToUpper(data)), Metadata: key}
})

func newFunctionWorld(t *testing.T, f transform.Invoker, adjust func(*stream.Stream)) *world {
	w := newWorld(t, func(s *stream.Stream) {
		s.Prefix, s.PartitionKeys = "k=!{partitionKeyFromLambda:first}/", nil
		s.ErrorPrefix = "!{firehose:error-output-type}/"
		s.Transform = &stream.Transform{HTTP: &stream.HTTPFunction{URL: "http://function/"}}
		if adjust != nil {
			adjust(s)
		}
	})
	w.function = f
	return w
}

// texts are the data of what was delivered, error output by its code and the record.
func (w *world) texts() (out []string) {
	w.t.Helper()
	for _, l := range w.lines() {
		at := strings.IndexByte(l, '{')
		if at < 0 {
			out = append(out, l)
			continue
		}
		var failed struct {
			ErrorCode string
			RawData   []byte
		}
		if err := json.Unmarshal([]byte(l[at:]), &failed); err != nil {
			w.t.Fatalf("%s: %v", l, err)
		}
		out = append(out, failed.ErrorCode+" "+string(failed.RawData))
	}
	slices.Sort(out)
	return out
}

func wantTexts(t *testing.T, w *world, want ...string) {
	t.Helper()
	slices.Sort(want)
	if got := w.texts(); !slices.Equal(got, want) {
		t.Errorf("delivered are\n%q, want\n%q", got, want)
	}
}

// balance checks the books of a stream of which everything is settled.
func (w *world) balance(books delivery.Totals) {
	w.t.Helper()
	stats := w.log.Stats().Streams[w.id]
	if pending := stats.Accepted - books.Settled(); pending != stats.Pending || pending != 0 {
		w.t.Errorf("%d accepted, %d settled, %d pending: %+v", stats.Accepted, books.Settled(), stats.Pending, books)
	}
}

func TestFunction(t *testing.T) {
	w := newFunctionWorld(t, shout, func(s *stream.Stream) {
		s.Processing.Deaggregation = &stream.Deaggregation{Type: stream.DeaggregationDelimited, Delimiter: "#"}
	})
	w.start()
	w.append("one", "two#three", "drop", "fail#four", "", "drop#drop")
	w.drain()
	books := w.service.Books()["s"]
	w.balance(books)
	if books.Delivered != 4 || books.Dropped != 4 || books.Expanded != 3 || books.Errors["processing-failed"] != 1 {
		t.Errorf("the books are %+v", books)
	}
	wantTexts(t, w, "k=o ONE", "k=t TWO", "k=t THREE", "k=f FOUR", "Lambda.ProcessingFailedStatus fail")
}

// Whatever commit a life ends at, the next one goes on so that each record is in exactly one object.
func TestFunctionIsKilledAtEveryCommit(t *testing.T) {
	for n := 1; ; n++ {
		w := newFunctionWorld(t, shout, func(s *stream.Stream) {
			s.Processing.Deaggregation = &stream.Deaggregation{Type: stream.DeaggregationDelimited, Delimiter: "#"}
			s.Transform.Concurrency, s.Transform.Buffering.Size = 2, 8 // of a record that holds several, some go into the next call
		})
		var commits atomic.Int64
		var reached atomic.Bool
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		w.log.Fault = func(op string) error {
			if op == "commit" && commits.Add(1) >= int64(n) {
				reached.Store(true)
				cancel()
				return errors.New("killed")
			}
			return nil
		}
		w.start()
		var want []string
		for i := range 6 {
			w.append(fmt.Sprint("a", i), fmt.Sprint("drop", i), fmt.Sprintf("b%d#c%d#d%d#e%d", i, i, i, i), fmt.Sprint("fail", i))
			want = append(want, fmt.Sprint("k=a A", i), fmt.Sprint("Lambda.ProcessingFailedStatus fail", i))
			want = append(want, fmt.Sprint("k=b B", i), fmt.Sprint("k=c C", i), fmt.Sprint("k=d D", i), fmt.Sprint("k=e E", i))
		}
		err := w.service.Drain(ctx, &w.log)
		cancel()
		w.kill()
		w.log.Fault = nil
		w.start()
		w.drain()
		wantTexts(t, w, want...)
		if t.Failed() {
			t.Fatalf("killed at commit %d", n)
		}
		if !reached.Load() {
			if err != nil {
				t.Fatal(err)
			}
			return
		}
	}
}

// A function that is away, or not allowed, holds its stream and nothing is lost; once it is back all goes on.
func TestFunctionIsAway(t *testing.T) {
	for name, class := range map[string]transform.Class{"away": transform.Unavailable, "not allowed": transform.Held} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var back atomic.Bool
			w := newFunctionWorld(t, invoke(func(ctx context.Context, request []byte) ([]byte, error) {
				if !back.Load() {
					return nil, &transform.Error{Class: class, Code: transform.AccessDenied, Err: errors.New("no way")}
				}
				return shout(ctx, request)
			}), func(s *stream.Stream) { s.Transform.Buffering.Interval = new(stream.Duration(time.Millisecond)) })
			w.start()
			w.append("one", "two")
			w.eventually("the stream's trouble is told", func() bool { return len(w.service.Health()) == 1 })
			if h := w.service.Health()[0]; h.Stopped || !strings.Contains(h.Reason, "no way") {
				t.Errorf("health is %+v", h)
			}
			if got := w.log.Stats().Streams[w.id].Pending; got != 2 {
				t.Errorf("%d records are pending, want 2", got)
			}
			back.Store(true)
			w.eventually("the trouble is over", func() bool { return len(w.service.Health()) == 0 })
			w.drain()
			wantTexts(t, w, "k=o ONE", "k=t TWO")
		})
	}
}

// What the function's own failing costs goes to the error output, and no more than that.
func TestFunctionHangs(t *testing.T) {
	var calls atomic.Int64
	w := newFunctionWorld(t, invoke(func(ctx context.Context, _ []byte) ([]byte, error) {
		calls.Add(1)
		<-ctx.Done()
		return nil, ctx.Err()
	}), func(s *stream.Stream) {
		s.Transform.Timeout, s.Transform.Retries = stream.Duration(10*time.Millisecond), new(1)
	})
	w.start()
	w.append("one", "two")
	w.drain()
	wantTexts(t, w, "Lambda.FunctionRequestTimedOut one", "Lambda.FunctionRequestTimedOut two")
	if calls.Load() != 2 {
		t.Errorf("%d calls, want one and its retry", calls.Load())
	}
}

// Records take the way of the version that was in force when they came in.
func TestFunctionComesAndGoes(t *testing.T) {
	w := newFunctionWorld(t, shout, nil)
	with := w.def
	without := with
	without.Transform, without.Prefix = nil, "plain/"
	w.append("a1")
	w.def = without
	w.define()
	w.append("p1", "p2")
	w.start()
	w.def = with
	w.define()
	w.append("a2")
	w.def = without
	w.define()
	w.append("p3")
	w.drain()
	wantTexts(t, w, "k=a A1", "plain p1", "plain p2", "k=a A2", "plain p3")
}

// Batches are answered beside each other, and their records stay in order.
func TestFunctionKeepsTheOrder(t *testing.T) {
	var mu sync.Mutex
	var first chan struct{}
	w := newFunctionWorld(t, invoke(func(ctx context.Context, request []byte) ([]byte, error) {
		mu.Lock()
		wait := first
		if first == nil { // the first call is answered last
			wait = make(chan struct{})
			first = wait
			mu.Unlock()
			<-wait
			return shout(ctx, request)
		}
		first = nil
		mu.Unlock()
		close(wait)
		return shout(ctx, request)
	}), func(s *stream.Stream) {
		s.Transform.Buffering.Size, s.Prefix, s.Compression = 200*stream.KiB, "all/", "none"
	})
	w.start()
	long := strings.Repeat("x", 250<<10) // a batch of its own
	for i := range 4 {
		w.append(fmt.Sprint(i, long))
	}
	w.drain()
	from := map[int]string{} // what objects hold, by the sequence that they begin behind
	for _, key := range w.objects.Keys() {
		o, _ := w.objects.Object(key)
		var lane uint32
		var after int
		if _, err := fmt.Sscanf(o.Metadata.Sequence, "%d/%d-", &lane, &after); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(bytes.Join(o.Body, nil))) {
			from[after] += line[:1]
		}
	}
	got := ""
	for _, after := range slices.Sorted(maps.Keys(from)) {
		got += from[after]
	}
	if got != "0123" {
		t.Errorf("the objects hold the records in the order %s", got)
	}
}

// A record as large as the buffer takes one goes through, with what is said of it where it fails, or beside what the function
// made of it.
func TestFunctionOfTheLargestRecords(t *testing.T) {
	answer := strings.Repeat("made", 1<<20)
	w := newFunctionWorld(t, each(func(string) functionRecord {
		key := map[string]any{"partitionKeys": map[string]string{"first": "o"}}
		return functionRecord{Result: "Ok", Data: []byte(answer), Metadata: key}
	}), func(s *stream.Stream) {
		s.Processing.Deaggregation = &stream.Deaggregation{Type: stream.DeaggregationDelimited, Delimiter: "#"}
	})
	tooLarge, mostlyNothing := strings.Repeat("x", buffer.MaxRecord), "one"+strings.Repeat("#", buffer.MaxRecord-3)
	w.start()
	w.append(tooLarge)
	w.append(mostlyNothing)
	w.drain()
	w.kill()
	wantTexts(t, w, "k=o "+answer, "Lambda.RequestTooLarge "+tooLarge)
}

func TestFunctionOfADiscardedStream(t *testing.T) {
	w := newFunctionWorld(t, shout, nil)
	w.start()
	w.append("one", "two", "three")
	w.service.Discard(w.id)
	w.eventually("everything is settled", func() bool { return w.log.Stats().Streams[w.id].Pending == 0 })
}

// A function is told the stream's ARN as the API has it.
func TestFunctionIsToldTheStream(t *testing.T) {
	var got struct{ DeliveryStreamArn, Region string }
	w := newFunctionWorld(t, invoke(func(ctx context.Context, request []byte) ([]byte, error) {
		if err := json.Unmarshal(request, &got); err != nil {
			t.Error(err)
		}
		return shout(ctx, request)
	}), nil)
	w.cfg.Account, w.cfg.Region = "123456789012", "eu-central-1"
	w.start()
	w.append("a")
	w.drain()
	w.kill()
	if got.DeliveryStreamArn != "arn:aws:firehose:eu-central-1:123456789012:deliverystream/s" || got.Region != "eu-central-1" {
		t.Errorf("the function was told %+v", got)
	}
}
