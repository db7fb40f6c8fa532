// Package console serves the page that shows a node at work: its streams, why one does not deliver, what went out last,
// and a test record on its way. It knows the rest of the node through small interfaces, samples it every few seconds, and
// does nothing per record.
package console

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// Node is what the console shows. Its methods answer at once, from what is known already, and may be called from many
// goroutines at once; only Partitions may wait.
type Node interface {
	State() NodeState
	Streams() []Stream
	Definition(stream string) (text string, known bool)
	Partitions(ctx context.Context, stream string, limit int) (any, error)
	Errors(stream string) (errors any, known bool) // of its delivery, the latest last
	// Configuration is what is in force, with secrets masked and of the streams only those that are seen.
	Configuration(sees func(stream string) bool) (string, error)
}

// Records tries and sends records. The value of the request's Authorization header is passed on. Errors are written for the
// person at the page.
type Records interface {
	// MaySend says whether a record may be sent. It answers the same whether the stream exists or not.
	MaySend(stream, authorization string) error
	// Place evaluates the stream's rules, as of an arrival.
	Place(stream string, record []byte, arrival time.Time) ([]Place, error)
	Send(ctx context.Context, stream, authorization string, record []byte) (Receipt, error)
}

// Config is data.
type Config struct {
	Write bool          // records may be sent, and streams changed
	Asks  bool          // credentials are asked for
	Every time.Duration // between two samples; 5 s
}

// Deps are the live parts; all are required.
type Deps struct {
	Node     Node
	Viewers  Viewers
	Records  Records
	Operator Operator
	Replays  Replays
	Log      *slog.Logger
}

// Console is the page and its data. Its life is New, Run; the handler may serve before and after.
type Console struct {
	config  Config
	deps    Deps
	handler http.Handler
	ended   chan struct{} // closed when Run ends: nobody is kept waiting then

	objects objects
	failed  failures
	follows follows

	mu      sync.Mutex
	history history
	watched watched
}

// New makes a console that has not sampled yet.
func New(config Config, deps Deps) *Console {
	if config.Every == 0 {
		config.Every = 5 * time.Second
	}
	c := &Console{config: config, deps: deps, ended: make(chan struct{})}
	c.objects.byStream = map[string][]*Object{}
	c.follows.byID = map[string]*follow{}
	c.history.streams = map[string]*series{}
	c.watched.changed = make(chan struct{})
	c.handler = c.routes()
	return c
}

// ServeHTTP implements http.Handler.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.handler.ServeHTTP(w, r) }

// Run samples the node until ctx ends, and then lets go of everybody who looks on. Run it once.
func (c *Console) Run(ctx context.Context) {
	defer close(c.ended)
	ticker := time.NewTicker(c.config.Every)
	defer ticker.Stop()
	for {
		c.sample(time.Now())
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}
