package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttputil"

	"hydrant/gateway/auth"
	"hydrant/gateway/firehose"
	"hydrant/gateway/ingest"
	"hydrant/gateway/native"
)

// headerLimit is the size of a connection's read buffer, and so of the headers of a request, in bytes. AWS's clients send
// about one thousand, with a session's token up to four.
const headerLimit = 16 << 10

// withinConnections is more than Client ever opens: they are the node's own, and no producer's.
const withinConnections = 64

// Config is data; zero values mean the defaults.
type Config struct {
	Listen       string        // host:port; required
	ReadTimeout  time.Duration // from a request's first byte to the end of its body; 30 s
	WriteTimeout time.Duration // for writing an answer; 30 s
	IdleTimeout  time.Duration // between two requests of a connection; 2 min, above what balancers and SDKs keep theirs
	Connections  int           // open at once, each with ConnectionMemory or SecureConnectionMemory; 4,096
	Ingest       ingest.Config
}

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		value     *time.Duration
		otherwise time.Duration
	}{
		{&c.ReadTimeout, 30 * time.Second},
		{&c.WriteTimeout, 30 * time.Second},
		{&c.IdleTimeout, 2 * time.Minute},
	} {
		if *d.value == 0 {
			*d.value = d.otherwise
		}
	}
	if c.Connections == 0 {
		c.Connections = 4096
	}
	return c
}

// Deps are the live parts. Log and Catalog are required.
type Deps struct {
	Log        ingest.Log
	Catalog    *ingest.Catalog
	Registerer prometheus.Registerer
	Logger     *slog.Logger
	TLS        *TLS        // nil serves without
	Guard      *auth.Guard // asks every request for credentials; nil asks none

	Held *atomic.Int64 // is kept at the bytes that open connections hold; nil where nobody asks

	Control firehose.Control // serves the operations on streams; nil serves none

	Answered func(*Answered) // is told of every request, before its answer is written; nil where nobody asks. It must not wait

	Flush native.Flush // seals what a stream's open objects hold; nil serves no flushes

	Look func(ctx context.Context) error // brings streams into the catalog that other nodes have made; nil where there are none
}

// Server is the listener for producers. Its life is Listen, Serve, Drain, Shutdown; the last two may be called from
// any goroutine, at any time.
type Server struct {
	config   Config
	logger   *slog.Logger
	ingest   *ingest.Ingest
	native   protocol
	firehose protocol
	http     *fasthttp.Server
	listener net.Listener
	room     *room
	within   *fasthttputil.InmemoryListener // see Client
	tls      *tls.Config                    // nil without TLS
	draining atomic.Bool
	answered func(*Answered) // nil where nobody asks

	// appends bounds the appends of all requests. It ends only when Shutdown gives up: a producer that goes away does not
	// cancel its append, since its records are as good as any once they have arrived.
	appends context.Context
	stop    context.CancelFunc
}

// New checks the configuration and registers the metrics; it opens nothing.
func New(config Config, deps Deps) (*Server, error) {
	in, err := ingest.New(config.Ingest, ingest.Deps{Log: deps.Log, Catalog: deps.Catalog, Registerer: deps.Registerer, Guard: deps.Guard, Look: deps.Look})
	if err != nil {
		return nil, err
	}
	if deps.Logger == nil {
		deps.Logger = slog.New(slog.DiscardHandler)
	}
	config.Ingest.Limits = in.Limits()
	s := &Server{
		config:   config.withDefaults(),
		logger:   deps.Logger,
		ingest:   in,
		native:   native.New(in, deps.Flush),
		firehose: firehose.New(in, deps.Control),
		answered: deps.Answered,
		within:   fasthttputil.NewInmemoryListener(),
	}
	if s.room, err = newRoom(s.config, deps); err != nil {
		return nil, fmt.Errorf("register the metrics of connections: %w", err)
	}
	s.appends, s.stop = context.WithCancel(context.Background())
	if deps.TLS != nil {
		s.tls = deps.TLS.Config()
		if err := registerTLS(deps.Registerer, deps.TLS); err != nil {
			return nil, err
		}
	}
	s.http = s.newHTTP()
	return s, nil
}

// InFlight is how many bytes the bodies of the requests being served hold.
func (s *Server) InFlight() int64 { return s.ingest.InFlight() }

func (s *Server) newHTTP() *fasthttp.Server {
	return &fasthttp.Server{
		Handler:      s.handle,
		ErrorHandler: s.refuseUnparsed,
		Logger:       httpLogger{s.logger},

		// Bodies are streamed so that a request is judged by its headers before it costs memory. What is beyond the buffer
		// goes straight to the body's own memory, so that a small one costs large bodies nothing.
		StreamRequestBody:  true,
		ReadBufferSize:     headerLimit,
		MaxRequestBodySize: int(s.ingest.Limits().Body),
		// A form would be read whole, to temporary files, before the handler is asked.
		DisablePreParseMultipartForm: true,

		ReadTimeout:  s.config.ReadTimeout,
		WriteTimeout: s.config.WriteTimeout,
		IdleTimeout:  s.config.IdleTimeout,
		Concurrency:  s.config.Connections + withinConnections,
		TCPKeepalive: true,

		CloseOnShutdown:       true,
		LazyRequestTime:       true,
		NoDefaultServerHeader: true,
		NoDefaultContentType:  true,
		SecureErrorLogMessage: true,
	}
}

// Listen opens the port and returns its address, so that port 0 can be used. Connections wait for Serve.
func (s *Server) Listen() (net.Addr, error) {
	l, err := net.Listen("tcp", s.config.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen for producers: %w", err)
	}
	s.listener = listener{TCPListener: l.(*net.TCPListener), logger: s.logger, tls: s.tls, room: s.room}
	return l.Addr(), nil
}

// Serve answers requests until Shutdown, and returns nil then.
func (s *Server) Serve() error {
	if s.listener == nil {
		return errors.New("gateway: Serve before Listen")
	}
	defer s.room.lingering.Wait()
	var within sync.WaitGroup
	defer within.Wait()
	defer s.within.Close()
	within.Go(func() { _ = s.http.Serve(s.within) }) // ends with the other
	if err := s.http.Serve(s.listener); err != nil {
		return fmt.Errorf("serve producers on %s: %w", s.listener.Addr(), err)
	}
	return nil
}

// Drain refuses new requests with 503 and closes their connections after the answer, while requests already begun are
// served to their end. It returns at once; there is no way back.
func (s *Server) Drain() { s.draining.Store(true) }

// Shutdown drains, closes the port and returns when every request has been answered and every connection is closed. If
// ctx ends first, it cancels the appends that still run, whose outcome is then unknown, and returns ctx's error.
func (s *Server) Shutdown(ctx context.Context) error {
	defer s.stop()
	s.Drain()
	_ = s.within.Close()
	if s.listener != nil {
		_ = s.listener.Close() // fasthttp closes only what it serves
	}
	// fasthttp closes the listeners again, in the order they came to serve.
	err := s.http.ShutdownWithContext(ctx)
	if errors.Is(err, net.ErrClosed) || errors.Is(err, fasthttputil.ErrInmemoryListenerClosed) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("wait for %d connections of producers: %w", s.http.GetOpenConnectionsCount(), err)
	}
	return nil
}

// httpLogger takes what fasthttp has to say of single connections. It is for debugging: clients that go away, or do not
// speak HTTP, are no event for an operator.
type httpLogger struct{ logger *slog.Logger }

func (l httpLogger) Printf(format string, args ...any) {
	l.logger.Debug("connection of a producer", "event", fmt.Sprintf(format, args...))
}
