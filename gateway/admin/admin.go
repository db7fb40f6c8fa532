// Package admin serves a node's operators: is it alive, is it ready and why not, metrics, profiles. For these it asks for no
// credentials, so it belongs on loopback or a network of its own; the console asks for its own.
package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Config says where a Server listens.
type Config struct {
	Address string // host:port; port 0 takes a free one
}

// Deps are the parts of a node that a Server shows.
type Deps struct {
	Ready   []Check
	Metrics prometheus.Gatherer
	Console http.Handler // the page at /, what is below /console/, and /streams/NAME/errors; nil lists what else there is
	Log     *slog.Logger
}

// Server is the admin listener. Its life is New, Listen, Serve, Shutdown.
type Server struct {
	address  string
	listener net.Listener // nil before Listen
	http     *http.Server
}

// New makes a server that does not listen yet.
func New(config Config, deps Deps) *Server {
	return &Server{
		address: config.Address,
		http: &http.Server{
			Handler:           routes(deps),
			ErrorLog:          slog.NewLogLogger(deps.Log.Handler(), slog.LevelWarn),
			ReadHeaderTimeout: 5 * time.Second,
			ReadTimeout:       10 * time.Second,
			WriteTimeout:      30 * time.Second, // a profile or trace adds its own seconds to it
			IdleTimeout:       2 * time.Minute,
			MaxHeaderBytes:    64 << 10,
		},
	}
}

// Listen binds the address, so that a port already taken is known before anything else starts. From then on
// connections wait for Serve.
func (s *Server) Listen() error {
	listener, err := net.Listen("tcp", s.address)
	if err != nil {
		return fmt.Errorf("listen for admin requests: %w", err)
	}
	s.listener = listener
	return nil
}

// Addr is where the server listens, as host:port. Listen comes first.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Serve answers requests until Shutdown, then returns nil.
func (s *Server) Serve() error {
	if s.listener == nil {
		return errors.New("serve admin requests: Listen comes first")
	}
	if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve admin requests: %w", err)
	}
	return nil
}

// Shutdown stops listening and waits for requests in progress. When ctx ends first it cuts them off and returns the
// context's error.
func (s *Server) Shutdown(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	if s.listener != nil {
		_ = s.listener.Close() // for a Serve that was never called; after one it is closed already
	}
	if err != nil {
		return fmt.Errorf("shut the admin listener down: %w", err)
	}
	return nil
}

// index lists what there is.
const index = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Hydrant</title>
<h1>Hydrant</h1>
<ul>
<li><a href="/livez">/livez</a> the process lives
<li><a href="/readyz">/readyz</a> it takes requests, or why not (<a href="/readyz?format=json">JSON</a>)
<li><a href="/metrics">/metrics</a> for Prometheus
<li><a href="/debug/pprof/">/debug/pprof/</a> profiles
</ul>
</html>
`

func routes(deps Deps) http.Handler {
	mux := http.NewServeMux()
	if deps.Console == nil {
		deps.Console = text("text/html; charset=utf-8", index)
	}
	for _, its := range []string{"GET /{$}", "GET /console/", "POST /console/", "GET /streams/{name}/errors"} {
		mux.Handle(its, deps.Console)
	}
	mux.HandleFunc("GET /", elsewhere)
	mux.HandleFunc("POST /v1/", elsewhere)
	mux.Handle("GET /livez", text("text/plain; charset=utf-8", "ok\n"))
	mux.Handle("GET /readyz", serveReady(deps.Ready))
	mux.Handle("GET /metrics", promhttp.HandlerFor(deps.Metrics, promhttp.HandlerOpts{
		ErrorLog:      slog.NewLogLogger(deps.Log.Handler(), slog.LevelError),
		ErrorHandling: promhttp.ContinueOnError, // one bad metric must not hide the others
	}))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("POST /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

// elsewhere answers what nothing else does: mostly producers that have the wrong port.
func elsewhere(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "not found: this is the admin listener, / lists what it has; records go to the producers' listener (listen, "+
		"127.0.0.1:8080 by default)", http.StatusNotFound)
}

func text(contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write([]byte(body))
	}
}
