package gateway

import (
	"fmt"
	"log/slog"
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

// A client that has sent its request, or is about to, can send it all and reads why it was refused, and nothing of a reset,
// for which some kernels throw the answer away. What it sends beyond one request is not waited for.
func TestRefusedConnectionCanReadWhy(t *testing.T) {
	r, err := newRoom(Config{}, Deps{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	r.most, r.linger = headerLimit+1<<20, patience
	for _, size := range []int{100, 1 << 20} {
		server, client := connected(t)
		client.send(head("POST", clicksURL, fmt.Sprintf("Content-Length: %d", size)))
		sent := make(chan error)
		go func() {
			_, err := client.Write(make([]byte, size))
			sent <- err
		}()
		if _, err := server.Read(make([]byte, 1)); err != nil { // the rest waits, unread
			t.Fatal(err)
		}
		r.refuse(server, nil)
		if err := <-sent; err != nil {
			t.Errorf("%d bytes cannot be sent: %v", size, err)
		}
		if got := client.receive(); asProblem(t, got).Code != "too_many_connections" {
			t.Errorf("%d bytes: got %d %s", size, got.StatusCode, got.body)
		}
		client.closed() // by the end of the stream
		_ = client.Close()
	}
	server, client := connected(t)
	r.refuse(server, nil)
	for {
		if _, err := client.Write(make([]byte, 64<<10)); err != nil {
			break // by the reset
		}
	}
	r.lingering.Wait()
}

// Not more than so many refused connections are waited for.
func TestRefusedConnectionsAreBounded(t *testing.T) {
	r, err := newRoom(Config{}, Deps{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	r.linger = patience
	var clients []*client
	for range mostLeaving + 1 {
		server, client := connected(t)
		r.refuse(server, nil)
		clients = append(clients, client)
	}
	clients[mostLeaving].receive()
	clients[mostLeaving].closed()
	if got := len(r.leaving); got != mostLeaving {
		t.Errorf("%d connections are waited for, want %d", got, mostLeaving)
	}
	for _, c := range clients[:mostLeaving] {
		c.receive()
		_ = c.Close()
	}
	r.lingering.Wait()
}

// connected returns both ends of a connection.
func connected(t *testing.T) (server *net.TCPConn, other *client) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f := &fixture{t: t, addr: l.Addr().String()}
	other = f.dial()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return c.(*net.TCPConn), other
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
