// Package s3fault stands between a client and an S3 server and spoils what passes, as networks and stores do.
package s3fault

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Proxy stands between a client and a real S3 server, passes on what no rule speaks of, and spoils the rest. It keeps the
// host that the client signed for. All methods may run beside requests.
type Proxy struct {
	store http.Handler
	close func()

	mu     sync.Mutex
	rules  []*Rule
	stored map[string]int // by path: successful answers of the store to what creates an object
}

// Rule spoils some requests, and counts them.
type Rule struct {
	match func(*http.Request) bool
	share float64 // of the requests that match
	left  int     // requests yet; negative: no end
	fault Fault
	hits  int
	proxy *Proxy
}

// Fault serves a request in the proxy's place. forward has the store serve it.
type Fault func(w http.ResponseWriter, r *http.Request, forward http.HandlerFunc)

// New returns a proxy for the store at an endpoint. Whoever serves it closes it afterwards.
func New(endpoint string) (*Proxy, error) {
	target, err := url.Parse(endpoint)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64}
	store := httputil.NewSingleHostReverseProxy(target)
	store.Transport = transport
	store.ErrorLog = log.New(io.Discard, "", 0) // of clients that go away in the middle, as the faults have them do
	store.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
	return &Proxy{store: store, close: transport.CloseIdleConnections, stored: map[string]int{}}, nil
}

// Close lets go of the connections to the store.
func (p *Proxy) Close() { p.close() }

// Spoil has a share of the requests that match, from 0 to 1, meet a fault: n of them, or all for a negative n. Of several
// rules the first that takes a request serves it.
func (p *Proxy) Spoil(match func(*http.Request) bool, share float64, n int, fault Fault) *Rule {
	r := &Rule{match: match, share: share, left: n, fault: fault, proxy: p}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = append(p.rules, r)
	return r
}

// End takes the rule away.
func (r *Rule) End() {
	r.proxy.mu.Lock()
	defer r.proxy.mu.Unlock()
	r.proxy.rules = slices.DeleteFunc(r.proxy.rules, func(other *Rule) bool { return other == r })
}

// Heal takes all rules away.
func (p *Proxy) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = nil
}

// Hits is how many requests met the rule's fault.
func (r *Rule) Hits() int {
	r.proxy.mu.Lock()
	defer r.proxy.mu.Unlock()
	return r.hits
}

// Stored says, by path, how often the store answered a creation with success: what it did, whatever the client learnt.
func (p *Proxy) Stored() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.stored)
}

func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if fault := p.choose(r); fault != nil {
		fault(w, r, p.forward)
		return
	}
	p.forward(w, r)
}

func (p *Proxy) choose(r *http.Request) Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, rule := range p.rules {
		if rule.left != 0 && rule.match(r) && rand.Float64() < rule.share {
			rule.left--
			rule.hits++
			return rule.fault
		}
	}
	return nil
}

// forward passes a request on, and counts the objects that it created.
func (p *Proxy) forward(w http.ResponseWriter, r *http.Request) {
	if !Puts(r) && !Completes(r) {
		p.store.ServeHTTP(w, r)
		return
	}
	p.store.ServeHTTP(&creationWriter{ResponseWriter: w, created: func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.stored[r.URL.Path]++
	}}, r)
}

// creationWriter calls created before the client can know of the success.
type creationWriter struct {
	http.ResponseWriter
	created func()
}

func (w *creationWriter) WriteHeader(status int) {
	if status == http.StatusOK {
		w.created()
	}
	w.ResponseWriter.WriteHeader(status)
}

// Puts matches the creation of an object in one request; what is hidden, as probes and leases are, is no object.
func Puts(r *http.Request) bool {
	return r.Method == http.MethodPut && !r.URL.Query().Has("uploadId") && !Hidden(r)
}

// Parts matches the upload of a part.
func Parts(r *http.Request) bool {
	return r.Method == http.MethodPut && r.URL.Query().Has("uploadId") && !Hidden(r)
}

// Completes matches the end of a multipart upload, which creates the object.
func Completes(r *http.Request) bool {
	return r.Method == http.MethodPost && r.URL.Query().Has("uploadId") && !Hidden(r)
}

// Hidden matches requests for Hydrant's own small objects.
func Hidden(r *http.Request) bool { return strings.Contains(r.URL.Path, "/.hydrant-") }

// Any matches every request.
func Any(*http.Request) bool { return true }

// LoseAnswer has the store do its work and resets the connection instead of answering.
func LoseAnswer(w http.ResponseWriter, r *http.Request, forward http.HandlerFunc) {
	forward(httptest.NewRecorder(), r)
	reset(w)
}

// ResetMidBody reads half of the body, which the store never sees, and resets the connection.
func ResetMidBody(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
	_, _ = io.CopyN(io.Discard, r.Body, r.ContentLength/2) // the client may be gone, which is as good
	reset(w)
}

// Answer refuses requests with a status and a code of S3's.
func Answer(status int, code string) Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
		_, _ = io.Copy(io.Discard, r.Body)
		writeError(w, r, status, code)
	}
}

// ErrorIn200 answers with success and tells of a failure in the body, as S3 may at the end of a multipart upload. The
// store does its work if done is set, and nothing otherwise.
func ErrorIn200(done bool) Fault {
	return func(w http.ResponseWriter, r *http.Request, forward http.HandlerFunc) {
		if done {
			forward(httptest.NewRecorder(), r)
		}
		_, _ = io.Copy(io.Discard, r.Body)
		writeError(w, r, http.StatusOK, "InternalError")
	}
}

// Delay passes requests on after a while.
func Delay(wait time.Duration) Fault {
	return func(w http.ResponseWriter, r *http.Request, forward http.HandlerFunc) {
		select {
		case <-time.After(wait):
			forward(w, r)
		case <-r.Context().Done():
		}
	}
}

func writeError(w http.ResponseWriter, r *http.Request, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		var body bytes.Buffer
		_, _ = fmt.Fprintf(&body, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>By the proxy.</Message></Error>`, code)
		_, _ = w.Write(body.Bytes()) // the client may be gone
	}
}

// reset ends a connection so that the other end notices at once.
func reset(w http.ResponseWriter) {
	connection, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := connection.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = connection.Close()
}
