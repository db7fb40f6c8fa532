//go:build integration

package main

import (
	"bytes"
	"cmp"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// lossyProxy stands between a client and a node. Every request reaches the node, and the node's answer reaches the proxy;
// whether it reaches the client is what lose decides.
type lossyProxy struct {
	*httptest.Server
	t    *testing.T
	node string // its URL
	// lose returns how an answer gets lost, or nil. Calls and a call's attempts count from 0.
	lose func(call, attempt int) loss

	mu       sync.Mutex
	calls    map[string]int // by key
	attempts map[string]int
	lost     int // answers with 200 that did not reach the client
}

// A loss is what the client sees in place of the answer.
type loss func(w http.ResponseWriter)

// The ways in which answers get lost: a node or a connection dies, a balancer gives up.
func closed(http.ResponseWriter) { panic(http.ErrAbortHandler) }

func reset(w http.ResponseWriter) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		_ = c.(*net.TCPConn).SetLinger(0) // closing sends a reset
		_ = c.Close()
	}
}

func timedOut(w http.ResponseWriter) { w.WriteHeader(http.StatusGatewayTimeout) }

// everyThird loses the first answer to every third call, and the second as well to every ninth: fewer than any client
// gives up after.
func everyThird(call, attempt int) loss {
	if call%9 == 0 && attempt < 2 || call%3 == 0 && attempt < 1 {
		return []loss{closed, reset, timedOut}[(call/3+attempt)%3]
	}
	return nil
}

func startProxy(t *testing.T, node string, lose func(call, attempt int) loss) *lossyProxy {
	p := &lossyProxy{t: t, node: node, lose: lose, calls: map[string]int{}, attempts: map[string]int{}}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

// ServeHTTP forwards a request and then, perhaps, its answer.
func (p *lossyProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, body, err := p.forward(r)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	if lose := p.judge(r, answer.StatusCode); lose != nil {
		lose(w)
		return
	}
	for name, values := range answer.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.StatusCode)
	_, _ = w.Write(body) // the client is free to go away
}

func (p *lossyProxy) forward(r *http.Request) (*http.Response, []byte, error) {
	sent, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, nil, err
	}
	out, err := http.NewRequestWithContext(r.Context(), r.Method, p.node+r.URL.RequestURI(), bytes.NewReader(sent))
	if err != nil {
		return nil, nil, err
	}
	out.Header = r.Header.Clone()
	answer, err := http.DefaultClient.Do(out)
	if err != nil {
		return nil, nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return answer, body, err
}

// judge counts the attempts of each call, which its key tells.
func (p *lossyProxy) judge(r *http.Request, status int) loss {
	key := cmp.Or(r.Header.Get("Idempotency-Key"), r.Header.Get("Amz-Sdk-Invocation-Id"))
	p.mu.Lock()
	defer p.mu.Unlock()
	if key == "" {
		p.t.Errorf("%s %s came without a key", r.Method, r.URL)
	}
	if _, known := p.calls[key]; !known {
		p.calls[key] = len(p.calls)
	}
	lose := p.lose(p.calls[key], p.attempts[key])
	p.attempts[key]++
	if lose != nil && status == http.StatusOK {
		p.lost++
	}
	return lose
}

// losses is how many good answers the client did not get.
func (p *lossyProxy) losses() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lost
}
