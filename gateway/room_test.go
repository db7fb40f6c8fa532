package gateway

import (
	"net"
	"sync/atomic"
	"testing"
	"time"
)

// A connection beyond the bound is answered and closed at once; its place is free again when another one ends.
func TestConnectionsAreBounded(t *testing.T) {
	f := start(t, &fakeLog{}, func(c *Config) { c.Connections = 1 })
	first := f.dial()
	if got := first.do(post(clicksURL, ndjson, "x")); got.StatusCode != 200 {
		t.Fatalf("got %d %s, want 200", got.StatusCode, got.body)
	}
	second := f.dial()
	got := second.receive() // before anything is sent
	p := asProblem(t, got)
	if p.Status != 503 || p.Code != "too_many_connections" || got.Header.Get("Retry-After") != "1" || !got.Close {
		t.Errorf("got %d %v %s", got.StatusCode, got.Header, got.body)
	}
	second.closed()
	if open, refused := f.metric("hydrant_open_connections"), f.metric("hydrant_refused_connections_total"); open != 1 || refused != 1 {
		t.Errorf("%v connections are open and %v were refused, want 1 and 1", open, refused)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); f.metric("hydrant_open_connections") > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the place of a connection that ended is not free")
		}
	}
	if got := f.dial().do(post(clicksURL, ndjson, "x")); got.StatusCode != 200 {
		t.Errorf("once there is room: got %d %s, want 200", got.StatusCode, got.body)
	}
}

// What connections hold is told to who accounts for it, and ends with them, however often one is closed.
func TestConnectionsAreAccounted(t *testing.T) {
	var held atomic.Int64
	r, err := newRoom(Config{Connections: 2}, Deps{Held: &held})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []bool{true, true, false} {
		if got := r.enter(); got != want {
			t.Fatalf("entering: %v, want %v", got, want)
		}
	}
	if got := held.Load(); got != 2*ConnectionMemory {
		t.Errorf("two connections hold %d bytes", got)
	}
	m := manners{room: r}
	for range 2 {
		_ = m.close(closedConn{})
	}
	if got := held.Load(); got != ConnectionMemory || r.open.Load() != 1 {
		t.Errorf("one connection holds %d bytes, %d are open", got, r.open.Load())
	}
}

// closedConn is a connection that can only be closed.
type closedConn struct{ net.Conn }

func (closedConn) Close() error      { return nil }
func (closedConn) CloseWrite() error { return nil }
