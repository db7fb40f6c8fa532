package gateway

import (
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"hydrant/gateway/ingest"
)

// What an open connection holds, in bytes, measured with thousands that have served a request: a read buffer (headerLimit), a
// buffer for answers, fasthttp's context of a request, the stack of its goroutine, and with TLS the records' buffers and keys.
const (
	ConnectionMemory       = 32 << 10
	SecureConnectionMemory = 64 << 10
)

// room bounds the connections that are open at once. One that finds none is told so at once and costs nothing more.
type room struct {
	limit  int64
	each   int64 // memory of one, in bytes
	logger *slog.Logger

	held    *atomic.Int64 // bytes
	open    atomic.Int64
	refused prometheus.Counter
	told    atomic.Int64 // when it was last said that there is no room, Unix seconds

	linger    time.Duration  // lingerTime
	most      int64          // bytes that a refused connection may still send
	leaving   chan struct{}  // holds one for each refused connection that is being read from
	lingering sync.WaitGroup // of those
}

// mostLeaving bounds the refused connections that are read from at once. Those beyond it are closed with what they sent
// unread, which may take the answer away from them. With TLS each holds SecureConnectionMemory, and there are fewer.
const (
	mostLeaving = 64
	mostShaking = 16
)

func newRoom(config Config, deps Deps) (*room, error) {
	r := &room{
		limit: int64(config.Connections), each: ConnectionMemory, held: deps.Held, logger: deps.Logger, linger: lingerTime,
		most: headerLimit + config.Ingest.Limits.Body, leaving: make(chan struct{}, mostLeaving),
	}
	if r.held == nil {
		r.held = new(atomic.Int64)
	}
	if deps.TLS != nil {
		r.each, r.leaving = SecureConnectionMemory, make(chan struct{}, mostShaking)
	}
	r.refused = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "hydrant_refused_connections_total",
		Help: "Connections of producers that were closed at once, since as many were open as memory has room for.",
	})
	if deps.Registerer == nil {
		return r, nil
	}
	open := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "hydrant_open_connections",
		Help: "Connections of producers that are open.",
	}, func() float64 { return float64(r.open.Load()) })
	if err := deps.Registerer.Register(r.refused); err != nil {
		return nil, err
	}
	return r, deps.Registerer.Register(open)
}

// enter takes the place of one connection, which exit gives back, or refuses.
func (r *room) enter() bool {
	if r.open.Add(1) <= r.limit {
		r.held.Add(r.each)
		return true
	}
	r.open.Add(-1)
	return false
}

func (r *room) exit() {
	r.open.Add(-1)
	r.held.Add(-r.each)
}

// refuse answers a connection for which there is no room and closes it, without waiting for either. With TLS (secure is not
// nil) the answer takes a handshake, for which only mostShaking may wait at once: those beyond are closed unanswered.
func (r *room) refuse(c *net.TCPConn, secure *tls.Config) {
	r.refused.Inc()
	if now, told := time.Now().Unix(), r.told.Load(); now-told >= 60 && r.told.CompareAndSwap(told, now) {
		r.logger.Warn("connections of producers are refused: memory has room for no more; raise memory, or let producers share connections",
			"open", r.limit)
	}
	if secure != nil {
		r.leave(c, func() {
			if c.SetDeadline(time.Now().Add(r.linger)) != nil {
				return
			}
			shaking := tls.Server(c, secure)
			if _, err := shaking.Write(noRoomAnswer); err == nil {
				r.seeOff(shaking)
			}
		})
		return
	}
	if c.SetWriteDeadline(time.Now().Add(time.Second)) == nil {
		_, _ = c.Write(noRoomAnswer) // fits the kernel's buffer; the client may be gone
	}
	r.leave(c, func() { r.seeOff(c) })
}

// leave closes a refused connection, where there is a place after it was waited for.
func (r *room) leave(c net.Conn, wait func()) {
	select {
	case r.leaving <- struct{}{}:
		r.lingering.Go(func() {
			wait()
			_ = c.Close()
			<-r.leaving
		})
	default:
		_ = c.Close()
	}
}

// seeOff lets the client of a refused connection read why: see manners.close. It is given the time and the bytes of one request.
func (r *room) seeOff(c interface {
	net.Conn
	CloseWrite() error
},
) {
	if c.CloseWrite() == nil && c.SetReadDeadline(time.Now().Add(r.linger)) == nil {
		_, _ = io.CopyN(io.Discard, c, r.most)
	}
}

// noRoomAnswer is what the first request of a connection without room is answered with.
var noRoomAnswer = func() []byte {
	e := ingest.NoRoom()
	body := fmt.Sprintf(`{"type":"urn:hydrant:problem:%[1]s","title":%[2]q,"status":%[3]d,"detail":%[4]q,"code":%[1]q}`,
		e.Code, http.StatusText(e.Code.Status()), e.Code.Status(), e.Detail)
	return fmt.Appendf(nil, "HTTP/1.1 %d %s\r\nConnection: close\r\nRetry-After: %d\r\nContent-Type: application/problem+json\r\nContent-Length: %d\r\n\r\n%s",
		e.Code.Status(), http.StatusText(e.Code.Status()), e.RetrySeconds(), len(body), body)
}()
