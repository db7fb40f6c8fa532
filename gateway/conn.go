package gateway

import (
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// lingerTime is how long a connection is read from after its last answer. A client that sends a large body without
// looking at the answer has this long to finish.
const lingerTime = 5 * time.Second

// acceptPause is how long accepting rests after it failed.
const acceptPause = 100 * time.Millisecond

// listener hands out connections that can be closed gently.
type listener struct {
	*net.TCPListener
	logger *slog.Logger
	tls    *tls.Config // nil without TLS
	room   *room
}

// Accept fails only once the listener is closed. Anything else, such as too many open files, passes, whereas fasthttp
// would stop serving over it.
func (l listener) Accept() (net.Conn, error) {
	for {
		c, err := l.AcceptTCP()
		if err == nil {
			if l.room.enter() {
				return l.wrap(c), nil
			}
			l.room.refuse(c, l.tls)
			continue
		}
		if errors.Is(err, net.ErrClosed) {
			return nil, err
		}
		l.logger.Warn("a connection could not be accepted; trying again", "error", err)
		time.Sleep(acceptPause)
	}
}

func (l listener) wrap(c *net.TCPConn) net.Conn {
	if l.tls == nil {
		return &conn{Conn: c, manners: manners{room: l.room}}
	}
	return &secureConn{Conn: tls.Server(c, l.tls), manners: manners{room: l.room}} // fasthttp shakes hands, within the time to read
}

type conn struct {
	net.Conn // a *net.TCPConn
	manners
	reading, writing deadline
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.read(c.Conn, p)
	for err != nil && c.reading.early(err) && c.Conn.SetReadDeadline(c.reading.set) == nil {
		n, err = c.read(c.Conn, p)
	}
	return n, err
}

func (c *conn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	for err != nil && c.writing.early(err) && c.Conn.SetWriteDeadline(c.writing.set) == nil {
		var more int
		more, err = c.Conn.Write(p[n:])
		n += more
	}
	return n, err
}

func (c *conn) SetReadDeadline(t time.Time) error {
	if !c.reading.sooner(t) {
		return nil
	}
	return c.Conn.SetReadDeadline(t)
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	if !c.writing.sooner(t) {
		return nil
	}
	return c.Conn.SetWriteDeadline(t)
}

func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

func (c *conn) Close() error { return c.close(c.Conn.(*net.TCPConn)) }

type secureConn struct {
	*tls.Conn
	manners
}

func (c *secureConn) Read(p []byte) (int, error) { return c.read(c.Conn, p) }

func (c *secureConn) Close() error { return c.close(c.Conn) }

// manners are what is special about a connection, whatever it is made of.
type manners struct {
	linger atomic.Bool
	inBody bool // for the goroutine that reads
	room   *room
	left   atomic.Bool // the room
}

// read reads. While a handler reads a body, the end of the connection is an error: fasthttp passes an io.EOF between
// two chunks on as if it were the end of the body, and a body cut short there would be stored and acknowledged.
func (m *manners) read(from io.Reader, p []byte) (int, error) {
	n, err := from.Read(p)
	if err == io.EOF && m.inBody {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// close closes; after closeGently it first ends the sending side and reads what still arrives. Closing with bytes
// unread makes the kernel send a reset, upon which the client's kernel throws away the answer if it was not read yet.
func (m *manners) close(c interface {
	net.Conn
	CloseWrite() error
},
) error {
	if m.linger.Swap(false) && c.CloseWrite() == nil && c.SetReadDeadline(time.Now().Add(m.room.linger)) == nil {
		_, _ = io.Copy(io.Discard, c)
	}
	if !m.left.Swap(true) {
		m.room.exit()
	}
	return c.Close()
}

func mannersOf(rc *fasthttp.RequestCtx) *manners {
	switch c := rc.Conn().(type) {
	case *conn:
		return &c.manners
	case *secureConn:
		return &c.manners
	}
	return new(manners) // of a connection that is not ours
}

// expectBody says whether what is read from now on belongs to a body.
func expectBody(rc *fasthttp.RequestCtx, inBody bool) { mannersOf(rc).inBody = inBody }

// closeGently lets this answer be the connection's last and makes sure that the client can read it.
func closeGently(rc *fasthttp.RequestCtx) {
	rc.SetConnectionClose()
	mannersOf(rc).linger.Store(true)
}
