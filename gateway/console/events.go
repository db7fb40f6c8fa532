package console

import (
	"context"
	"net/http"
	"time"
)

const (
	maxViewers = 32
	beat       = 15 * time.Second // an idle event stream shows that it lives, and finds out whether anybody reads it
	slowest    = 10 * time.Second // a reader that takes longer is cut off
)

// serveEvents sends the overview after each sample, for as long as the credentials are good.
func (c *Console) serveEvents(w http.ResponseWriter, r *http.Request) {
	authorization := r.Header.Get("Authorization")
	if _, _, err := c.look(authorization); err != nil {
		refuse(w, err)
		return
	}
	c.serveStreamOf(w, r, func() ([]byte, <-chan struct{}, bool) {
		text, changed, err := c.look(authorization)
		return text, changed, err != nil
	})
}

// serveJourney sends what is known of a test record, each time there is more, until there is no more to come.
func (c *Console) serveJourney(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	journey, _, known := c.follows.look(id)
	if !known {
		http.Error(w, "this test record is not followed any more", http.StatusNotFound)
		return
	}
	if err := c.deps.Viewers.MaySee(journey.Stream, r.Header.Get("Authorization")); err != nil {
		refuse(w, err)
		return
	}
	c.serveStreamOf(w, r, func() ([]byte, <-chan struct{}, bool) {
		journey, changed, known := c.follows.look(id)
		return encode(journey), changed, journey.Done || !known
	})
}

// serveStreamOf sends server-sent events until the last one, the console's end, or the reader's. A last one without text is
// not sent.
func (c *Console) serveStreamOf(w http.ResponseWriter, r *http.Request, next func() (text []byte, changed <-chan struct{}, last bool)) {
	if !c.enter() {
		http.Error(w, "too many look on already", http.StatusServiceUnavailable)
		return
	}
	defer c.leave()
	to := openEvents(w)
	beats := time.NewTicker(beat)
	defer beats.Stop()
	for {
		text, changed, last := next()
		if text != nil && !to.send("data: ", string(text), "\n\n") || last {
			return
		}
		if !c.awaitChange(r.Context(), changed, beats.C, to) {
			return
		}
	}
}

// awaitChange is true once changed is closed, and false at the end of the console or the reader.
func (c *Console) awaitChange(ctx context.Context, changed <-chan struct{}, beats <-chan time.Time, to events) bool {
	for {
		select {
		case <-changed:
			return true
		case <-beats:
			if !to.send(": \n\n") {
				return false
			}
		case <-ctx.Done():
			return false
		case <-c.ended:
			return false
		}
	}
}

// events is the answer to one reader of server-sent events.
type events struct {
	answer  http.ResponseWriter
	control *http.ResponseController
}

func openEvents(w http.ResponseWriter) events {
	w.Header().Set("Content-Type", "text/event-stream")
	e := events{w, http.NewResponseController(w)}
	_ = e.control.SetReadDeadline(time.Time{}) // the listener's own would end the request
	return e
}

// send is false once nobody reads any more, or too slowly.
func (e events) send(parts ...string) bool {
	_ = e.control.SetWriteDeadline(time.Now().Add(slowest)) // a writer without deadlines is a test's
	for _, part := range parts {
		if _, err := e.answer.Write([]byte(part)); err != nil {
			return false
		}
	}
	return e.control.Flush() == nil
}

func (c *Console) enter() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.watched.viewers == maxViewers {
		return false
	}
	c.watched.viewers++
	return true
}

func (c *Console) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watched.viewers--
}
