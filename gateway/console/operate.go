package console

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Operator changes streams, with the rights of the API: the value of a request's Authorization header is passed on. Errors
// are written for the person at the page, and refusals of the API say what the API says.
type Operator interface {
	// Rights are the names of what may be done with a stream, or with any at all where the name is empty.
	Rights(stream, authorization string) ([]string, error)
	// Call calls an operation of the Firehose API; input and output are its JSON.
	Call(ctx context.Context, operation, authorization string, input []byte) ([]byte, error)
	// Draft evaluates the rules that a call would put in force on a record, and changes nothing.
	Draft(ctx context.Context, operation, authorization string, input, record []byte, arrival time.Time) ([]Place, error)
	// Flush seals what the stream's open objects hold.
	Flush(ctx context.Context, stream, authorization string) (objects, records int64, err error)
}

// Replays sends what a stream's error output keeps through the stream again, one stream at a time.
type Replays interface {
	// Start begins a replay of the error output under a prefix, which is the one in force where it is empty; or with plan only
	// counts what it would send.
	Start(stream, authorization, prefix string, plan bool) error
	// Stop ends the stream's replay, if there is one; another one goes on where it was.
	Stop(stream, authorization string) error
	// State is the replay under way, or the last one. It is nil if there was none, or it was another stream's and is over.
	State(stream, authorization string) (any, error)
}

// changes are the operations that the page calls, and whether they change something.
var changes = map[string]bool{
	"CreateDeliveryStream": true, "UpdateDestination": true, "DescribeDeliveryStream": false,
	"TagDeliveryStream": true, "UntagDeliveryStream": true, "ListTagsForDeliveryStream": false,
	"StartDeliveryStreamEncryption": true, "StopDeliveryStreamEncryption": true,
}

// serveRights tells what the owner of a key may do, of what the console lets do at all.
func (c *Console) serveRights(w http.ResponseWriter, r *http.Request) {
	rights, err := c.deps.Operator.Rights(r.PathValue("name"), r.Header.Get("Authorization"))
	if err != nil {
		refuse(w, err)
		return
	}
	if !c.config.Write {
		rights = nil
	}
	answer(w, encode(map[string]any{"rights": append([]string{}, rights...)}))
}

// writes lets a request through where the console may change something.
func (c *Console) writes(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !c.config.Write {
			http.Error(w, errReadOnly.Error(), http.StatusForbidden)
			return
		}
		next(w, r)
	}
}

func (c *Console) serveCall(w http.ResponseWriter, r *http.Request) {
	operation := r.PathValue("operation")
	change, known := changes[operation]
	switch {
	case !known:
		http.Error(w, fmt.Sprintf("the console does not call %q", operation), http.StatusNotFound)
		return
	case change && !c.config.Write:
		http.Error(w, errReadOnly.Error(), http.StatusForbidden)
		return
	}
	input, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRecord))
	if err != nil {
		http.Error(w, "the call cannot be read: "+err.Error(), http.StatusBadRequest)
		return
	}
	output, err := c.deps.Operator.Call(r.Context(), operation, r.Header.Get("Authorization"), input)
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	answer(w, output)
}

// serveDraft shows where a record would go if a call were made.
func (c *Console) serveDraft(w http.ResponseWriter, r *http.Request) {
	var draft struct {
		Input  json.RawMessage `json:"input"`
		Record string          `json:"record"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 2*maxRecord)).Decode(&draft); err != nil {
		http.Error(w, "the draft cannot be read: "+err.Error(), http.StatusBadRequest)
		return
	}
	places, err := c.deps.Operator.Draft(r.Context(), r.PathValue("operation"), r.Header.Get("Authorization"), draft.Input, []byte(draft.Record), time.Now())
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	answerPlaces(w, places)
}

func (c *Console) serveFlush(w http.ResponseWriter, r *http.Request) {
	objects, records, err := c.deps.Operator.Flush(r.Context(), r.PathValue("name"), r.Header.Get("Authorization"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	answer(w, encode(map[string]int64{"objects": objects, "records": records}))
}

// maxPrefix is S3's limit on a key, in bytes.
const maxPrefix = 1024

// serveReplay starts, counts or stops, as the path says. The body names a prefix of the error output, or none.
func (c *Console) serveReplay(w http.ResponseWriter, r *http.Request) {
	name, authorization, what := r.PathValue("name"), r.Header.Get("Authorization"), r.PathValue("what")
	prefix, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPrefix))
	if err != nil {
		http.Error(w, fmt.Sprintf("the prefix cannot be read, it may have %d bytes: %v", maxPrefix, err), http.StatusBadRequest)
		return
	}
	switch what {
	case "plan", "start":
		err = c.deps.Replays.Start(name, authorization, string(prefix), what == "plan")
	case "stop":
		err = c.deps.Replays.Stop(name, authorization)
	default:
		http.NotFound(w, r)
		return
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	c.serveReplayState(w, r)
}

func (c *Console) serveReplayState(w http.ResponseWriter, r *http.Request) {
	state, err := c.deps.Replays.State(r.PathValue("name"), r.Header.Get("Authorization"))
	if err != nil {
		refuse(w, err)
		return
	}
	answer(w, encode(map[string]any{"replay": state}))
}
