package delivery_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"hydrant/delivery"
	"hydrant/delivery/deliverytest"
	"hydrant/stream"
)

// lockedBuffer is a log's output.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// What a destination refuses and what cannot be processed is kept by kind, and told with the stream's own logs where its
// definition names them.
func TestErrorsAreKeptAndLogged(t *testing.T) {
	for _, named := range []bool{true, false} {
		w := newWorld(t, nil)
		if named {
			w.def.Logging = stream.Logging{Group: "/aws/kinesisfirehose/s", Stream: "DestinationDelivery"}
		}
		refusal := &delivery.Error{Class: delivery.Transient, Refused: true, Code: "S3.NoSuchBucket", Err: errors.New("the bucket is gone")}
		w.objects.Fail(deliverytest.Create, 2, refusal)
		w.objects.Fail(deliverytest.Create, 1, errors.New("reset"))
		log := new(lockedBuffer)
		w.service = delivery.New(w.cfg, delivery.Deps{
			Open:    func(context.Context, stream.Destination) (delivery.Destination, error) { return w.objects, nil },
			Current: func(string) (stream.Stream, bool) { return w.def, true },
			Log:     slog.New(slog.NewTextHandler(log, nil)),
		})
		var ctx context.Context
		ctx, w.cancel = context.WithCancel(context.Background())
		w.ended = make(chan error, 1)
		go func() { w.ended <- w.service.Run(ctx, &w.log) }()
		w.append("no JSON", record("a", 1))
		w.drain()
		var got []string
		for _, r := range w.service.Reports(w.id) {
			got = append(got, fmt.Sprintf("%s %d %s %d", r.Code, r.Count, r.Destination, r.Version))
			if r.First.IsZero() || r.Last.Before(r.First) {
				t.Errorf("%s: from %v to %v", r.Code, r.First, r.Last)
			}
		}
		const failure = "DynamicPartitioning.MetadataExtractionFailed 1  1"
		if text := strings.Join(got, "; "); len(got) != 3 || !strings.Contains(text, failure) ||
			!strings.Contains(text, "S3.NoSuchBucket 2 file:///nowhere 1") || !strings.Contains(text, "InternalError 1 file:///nowhere 1") {
			t.Errorf("got %q", got)
		}
		place := `log_group=/aws/kinesisfirehose/s log_stream=DestinationDelivery`
		// The second refusal of a kind is only counted, unless the machine stood still for long. The end of what lasted so long is
		// told too, but is no warning.
		if n := warnings(log.String(), place); named && n != 3 && n != 4 || !named && n != 0 {
			t.Errorf("named %v: %d lines name the logs:\n%s", named, n, log)
		}
		if text := log.String(); !strings.Contains(text, "error_code=S3.NoSuchBucket") {
			t.Errorf("no code in\n%s", text)
		}
	}
}

// warnings are the lines of that level with a text.
func warnings(log, text string) (n int) {
	for line := range strings.Lines(log) {
		if strings.Contains(line, "level=WARN") && strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// The last twenty kinds are kept, whatever comes.
func TestErrorsAreBounded(t *testing.T) {
	w := newWorld(t, nil)
	var n int
	w.objects.Hook(deliverytest.Create, func(context.Context, string) error {
		n++
		return &delivery.Error{Class: delivery.Transient, Refused: true, Code: fmt.Sprint("S3.", n), Err: errors.New("no")}
	})
	const kinds = 50
	w.cfg.Uploads = 1
	w.cfg.Waiting = kinds
	w.start()
	for i := range kinds {
		w.append(record(fmt.Sprint(i), i))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = w.service.Drain(ctx, &w.log) // only to have all sealed
	w.eventually("all are refused and as many kinds as may be are kept", func() bool {
		return w.objects.Calls(deliverytest.Create) >= kinds && len(w.service.Reports(w.id)) >= 20
	})
	w.kill()
	reports := w.service.Reports(w.id)
	if len(reports) != 20 || reports[19].Code == reports[18].Code {
		t.Errorf("%d kinds are kept, want 20: %+v", len(reports), reports)
	}
}
