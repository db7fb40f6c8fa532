package delivery_test

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"hydrant/delivery"
	"hydrant/delivery/deliverytest"
	"hydrant/delivery/transform"
	"hydrant/stream"
)

// closable is a destination that knows whether it was closed.
type closable struct {
	*deliverytest.Memory
	module
}

// labels are the values of a label among all metrics.
func labels(t *testing.T, from prometheus.Gatherer, name string) (values []string) {
	t.Helper()
	families, err := from.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == name && !slices.Contains(values, l.GetValue()) {
					values = append(values, l.GetValue())
				}
			}
		}
	}
	return values
}

// A destination goes, with its connections and its metrics, once nothing goes there any more, and a function once nothing calls
// it: when the definition names another one, and when the stream is deleted.
func TestWhatNobodyUsesIsLetGo(t *testing.T) {
	w := newFunctionWorld(t, nil, func(s *stream.Stream) {
		s.Buffering.Interval = stream.Duration(time.Millisecond)
		s.Transform.Buffering.Interval = new(stream.Duration(0))
		s.Prefix = "all/"
	})
	registry := prometheus.NewRegistry()
	var mu sync.Mutex
	destinations, functions := map[string]*closable{}, map[string]*module{}
	w.service = delivery.New(w.cfg, delivery.Deps{
		Open: func(_ context.Context, d stream.Destination) (delivery.Destination, error) {
			mu.Lock()
			defer mu.Unlock()
			destinations[d.Directory.Path] = &closable{Memory: w.objects}
			return destinations[d.Directory.Path], nil
		},
		Function: func(_ context.Context, f stream.Transform) (transform.Invoker, error) {
			mu.Lock()
			defer mu.Unlock()
			functions[f.HTTP.URL] = &module{name: f.HTTP.URL}
			return functions[f.HTTP.URL], nil
		},
		Current: func(string) (stream.Stream, bool) { return *w.inForce.Load(), true },
		Metrics: delivery.NewMetrics(registry),
		Log:     slog.New(slog.DiscardHandler),
	})
	isClosed := func(place, url string) func() bool {
		return func() bool {
			mu.Lock()
			defer mu.Unlock()
			return destinations[place].closed.Load() && functions[url].closed.Load()
		}
	}
	deliver := func(record string) {
		t.Helper()
		w.append(record)
		w.eventually("it is delivered", func() bool { return w.pending() == 0 })
	}
	w.run()
	deliver("a")
	deliver("b")
	if isClosed("/nowhere", "http://function/")() {
		t.Fatal("what the next record needs is closed")
	}
	w.def.Destination.Directory = &stream.Directory{Path: "/elsewhere"}
	w.def.Transform.HTTP = &stream.HTTPFunction{URL: "http://other/"}
	w.define()
	deliver("c")
	w.eventually("what was used before is closed", isClosed("/nowhere", "http://function/"))
	if got := labels(t, registry, "destination"); !slices.Equal(got, []string{"file:///elsewhere"}) {
		t.Errorf("the destinations of the metrics are %q", got)
	}
	if got := labels(t, registry, "stream"); !slices.Equal(got, []string{"s"}) {
		t.Errorf("the streams of the metrics are %q", got)
	}
	w.service.Discard(w.id)
	w.eventually("what a deleted stream used is closed", isClosed("/elsewhere", "http://other/"))
	w.eventually("the metrics forget the stream", func() bool {
		return len(labels(t, registry, "destination")) == 0 && len(labels(t, registry, "stream")) == 0
	})
}

// Modules that come when the service has ended are closed all the same.
func TestModulesAfterTheEnd(t *testing.T) {
	late := &module{name: "late"}
	w := newFunctionWorld(t, late, func(s *stream.Stream) { s.Transform = &stream.Transform{WASM: &stream.WASM{Path: "m.wasm"}} })
	modules, err := delivery.ReadModules(t.Context(), w.openFunction, []stream.Stream{w.def})
	if err != nil {
		t.Fatal(err)
	}
	w.start()
	w.kill()
	w.service.Use(modules)
	if !late.closed.Load() {
		t.Error("a module outlives its service")
	}
}
