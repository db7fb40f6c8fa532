package gateway

import (
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
}

// Accept fails only once the listener is closed. Anything else, such as too many open files, passes, whereas fasthttp
// would stop serving over it.
func (l listener) Accept() (net.Conn, error) {
	for {
		c, err := l.AcceptTCP()
		if err == nil {
			return &conn{TCPConn: c}, nil
		}
		if errors.Is(err, net.ErrClosed) {
			return nil, err
		}
		l.logger.Warn("a connection could not be accepted; trying again", "error", err)
		time.Sleep(acceptPause)
	}
}

type conn struct {
	*net.TCPConn
	linger atomic.Bool
	inBody bool // for the goroutine that reads
}

// Read reads. While a handler reads a body, the end of the connection is an error: fasthttp passes an io.EOF between
// two chunks on as if it were the end of the body, and a body cut short there would be stored and acknowledged.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.TCPConn.Read(p)
	if err == io.EOF && c.inBody {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// expectBody says whether what is read from now on belongs to a body.
func expectBody(rc *fasthttp.RequestCtx, inBody bool) {
	if c, ok := rc.Conn().(*conn); ok {
		c.inBody = inBody
	}
}

// Close closes; after closeGently it first ends the sending side and reads what still arrives. Closing with bytes
// unread makes the kernel send a reset, upon which the client's kernel throws away the answer if it was not read yet.
func (c *conn) Close() error {
	if c.linger.Swap(false) && c.CloseWrite() == nil && c.SetReadDeadline(time.Now().Add(lingerTime)) == nil {
		_, _ = io.Copy(io.Discard, c.TCPConn)
	}
	return c.TCPConn.Close()
}

// closeGently lets this answer be the connection's last and makes sure that the client can read it.
func closeGently(rc *fasthttp.RequestCtx) {
	rc.SetConnectionClose()
	if c, ok := rc.Conn().(*conn); ok {
		c.linger.Store(true)
	}
}
