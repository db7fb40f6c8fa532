package console

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Bounds on what one look costs.
const (
	maxPartitions = 50
	patience      = 2 * time.Second // for a lane at work
	maxRecord     = 1 << 20
	maxPlaces     = 100 // of a record that becomes many, so many outputs are shown, and followed
)

func (c *Console) serveOverview(w http.ResponseWriter, r *http.Request) {
	text, _, err := c.look(r.Header.Get("Authorization"))
	if err != nil {
		refuse(w, err)
		return
	}
	answer(w, text)
}

func (c *Console) serveNode(w http.ResponseWriter, r *http.Request) {
	var configuration string
	var failed error
	if err := c.deps.Viewers.Look(r.Header.Get("Authorization"), func(sees func(string) bool) {
		configuration, failed = c.deps.Node.Configuration(sees)
	}); err != nil {
		refuse(w, err)
		return
	}
	if failed != nil {
		c.deps.Log.Error("the console cannot show the configuration", "error", failed)
		configuration = "cannot be shown: " + failed.Error()
	}
	c.mu.Lock()
	history := c.history.of(c.history.node, nodeColumns, 0)
	c.mu.Unlock()
	answer(w, encode(map[string]any{"history": history, "configuration": configuration}))
}

func (c *Console) serveStream(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	definition, known := c.deps.Node.Definition(name)
	if !known {
		http.Error(w, fmt.Sprintf("there is no stream %q", name), http.StatusNotFound)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	partitions, err := c.deps.Node.Partitions(ctx, name, maxPartitions)
	if err != nil {
		partitions = nil // at work; the next look may have more luck
	}
	faults, _ := c.deps.Node.Errors(name)
	answer(w, encode(map[string]any{
		"definition": definition, "history": c.historyOf(name), "objects": c.objects.of(name), "partitions": partitions, "errors": faults,
	}))
}

// serveErrors answers with what went wrong with a stream's delivery lately.
func (c *Console) serveErrors(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	faults, known := c.deps.Node.Errors(name)
	if !known {
		http.Error(w, fmt.Sprintf("there is no stream %q", name), http.StatusNotFound)
		return
	}
	answer(w, encode(faults))
}

// historyOf is nil for a stream that is too new, or one too many.
func (c *Console) historyOf(name string) plots {
	c.mu.Lock()
	defer c.mu.Unlock()
	of := c.history.streams[name]
	if of == nil {
		return nil
	}
	return c.history.of(of.samples, streamColumns, of.first)
}

func (c *Console) serveFailed(w http.ResponseWriter, r *http.Request) {
	answer(w, encode(c.failed.of(r.PathValue("name"))))
}

// serveTry shows where a record would go.
func (c *Console) serveTry(w http.ResponseWriter, r *http.Request) {
	record, ok := body(w, r)
	if !ok {
		return
	}
	places, err := c.deps.Records.Place(r.PathValue("name"), record, time.Now())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answerPlaces(w, places)
}

func answerPlaces(w http.ResponseWriter, places []Place) {
	shown := append([]Place{}, places[:min(len(places), maxPlaces)]...)
	answer(w, encode(map[string]any{"places": shown, "more": len(places) - len(shown)}))
}

var errReadOnly = errors.New("the console is read-only: write \"console: {write: true}\" in the node's configuration to send records and to change streams from here")

// serveSend sends a test record and answers with the id that it is followed by.
func (c *Console) serveSend(w http.ResponseWriter, r *http.Request) {
	record, ok := body(w, r)
	if !ok {
		return
	}
	id, err := c.send(r.Context(), r.PathValue("name"), r.Header.Get("Authorization"), record)
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	answer(w, encode(map[string]string{"id": id}))
}

func (c *Console) send(ctx context.Context, name, authorization string, record []byte) (id string, err error) {
	if err := c.deps.Records.MaySend(name, authorization); err != nil {
		return "", err
	}
	start := time.Now()
	before, err := c.deps.Records.Place(name, record, start)
	if err != nil {
		return "", err
	}
	id = c.follows.begin(name, start) // before it is sent: its object may be there before the answer is
	receipt, err := c.deps.Records.Send(ctx, name, authorization, record)
	if err != nil {
		c.follows.forget(id)
		return "", err
	}
	end := time.Now()
	after, err := c.deps.Records.Place(name, record, end)
	if err != nil {
		after = before
	}
	c.follows.stored(id, receipt, before, after, end)
	return id, nil
}

func body(w http.ResponseWriter, r *http.Request) (record []byte, ok bool) {
	record, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRecord))
	if err != nil {
		http.Error(w, fmt.Sprintf("the record cannot be read, or has more than %d bytes", maxRecord), http.StatusBadRequest)
		return nil, false
	}
	if len(record) == 0 {
		http.Error(w, "the record is empty", http.StatusBadRequest)
		return nil, false
	}
	return record, true
}

func answer(w http.ResponseWriter, text []byte) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text) // whoever asked may have gone
}
