package delivery_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hydrant/delivery"
	"hydrant/stream"
)

// module is a function that says who answered, waits if it is to, and knows whether it was closed.
type module struct {
	name   string
	called chan struct{}
	wait   chan struct{} // nil for not at all
	closed atomic.Bool
}

func (m *module) Invoke(ctx context.Context, request []byte) ([]byte, error) {
	if m.wait != nil {
		close(m.called)
		<-m.wait
	}
	if m.closed.Load() {
		return nil, errors.New("called after its end")
	}
	return each(func(data string) functionRecord {
		return functionRecord{Result: "Ok", Data: []byte(m.name + " " + data)}
	})(ctx, request)
}

func (m *module) Close() error {
	m.closed.Store(true)
	return nil
}

// A module that is read anew is called from then on; the one before goes when its last call has ended. One that cannot be
// read changes nothing.
func TestModulesAreReadAnew(t *testing.T) {
	first, second := &module{name: "first", called: make(chan struct{}), wait: make(chan struct{})}, &module{name: "second"}
	w := newFunctionWorld(t, first, func(s *stream.Stream) {
		s.Transform = &stream.Transform{WASM: &stream.WASM{Path: "m.wasm"}}
		s.Transform.Buffering.Interval = new(stream.Duration(time.Millisecond))
		s.Prefix = "all/"
	})
	w.start()
	w.append("a")
	<-first.called

	w.openFails = errors.New("no module")
	if _, err := delivery.ReadModules(t.Context(), w.openFunction, []stream.Stream{w.def}); err == nil || !strings.Contains(err.Error(), "transform.wasm.path of stream s: no module") {
		t.Errorf("a file that is no module: %v", err)
	}
	w.openFails, w.function = nil, second
	modules, err := delivery.ReadModules(t.Context(), w.openFunction, []stream.Stream{w.def, w.def})
	if err != nil {
		t.Fatal(err)
	}
	w.service.Use(modules)
	if err := modules.Discard(); err != nil {
		t.Error(err)
	}
	if first.closed.Load() || second.closed.Load() {
		t.Error("a module in use was closed")
	}
	close(first.wait)
	w.eventually("the first one goes", first.closed.Load)
	w.append("b")
	w.drain()
	wantTexts(t, w, "all first a", "all second b")
	if !second.closed.Load() {
		t.Error("a module outlives its service")
	}
}
