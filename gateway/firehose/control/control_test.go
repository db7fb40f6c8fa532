package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hydrant/buffer"
	"hydrant/gateway/ingest"
	"hydrant/stream"
	"hydrant/stream/definitions"
)

// fakeNode serves what it is told to.
type fakeNode struct {
	mu         sync.Mutex
	configured []stream.Stream
	made       []stream.Stream
	pending    map[string]int64
	discarded  []string
	trouble    string
	errors     []json.RawMessage
	err        error                // of Serve
	noKey      *buffer.DataKeyError // what is wrong with every key
	tried      func()               // is called when one is tried
}

func (n *fakeNode) TryKey(context.Context, string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.noKey != nil {
		return n.noKey
	}
	if n.tried != nil {
		n.tried()
	}
	return nil
}

func (n *fakeNode) Serve(_ context.Context, made []stream.Stream) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.err != nil {
		return n.err
	}
	n.made = made
	return nil
}

func (n *fakeNode) Streams() (streams []Stream) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, d := range n.configured {
		streams = append(streams, Stream{Definition: d, Version: 7, Configured: true})
	}
	for _, d := range n.made {
		streams = append(streams, Stream{
			Definition: d, Version: d.Revision, Trouble: n.trouble,
			Encrypted: d.Encrypt != "" && n.noKey == nil, KeyTrouble: n.noKey,
		})
	}
	slices.SortFunc(streams, func(a, b Stream) int { return strings.Compare(a.Definition.Name, b.Definition.Name) })
	return streams
}

func (n *fakeNode) Discard(_ context.Context, name, _ string) (bool, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.discarded = append(n.discarded, name)
	delete(n.pending, name)
	return true, nil
}

func (n *fakeNode) Undefined(name string) (int64, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	left, ok := n.pending[name]
	return left, ok
}

func (n *fakeNode) Errors(string) []json.RawMessage { return n.errors }

func (n *fakeNode) Drain(name string) int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.pending[name]
}

// served is the definition that the node was given last.
func (n *fakeNode) served(name string) (stream.Stream, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	i := slices.IndexFunc(n.made, func(d stream.Stream) bool { return d.Name == name })
	if i < 0 {
		return stream.Stream{}, false
	}
	return n.made[i], true
}

// anyone may do everything with the streams that it names, or with all.
type anyone []string

func (a anyone) May(stream string) error {
	if a.MaySee(stream) {
		return nil
	}
	return &ingest.Error{Code: ingest.AccessDenied, Detail: "no"}
}

func (a anyone) Retries() bool             { return false }
func (a anyone) MaySome() error            { return nil }
func (a anyone) MaySee(stream string) bool { return a == nil || slices.Contains(a, stream) }

// world is a control plane with its node and its store, which it survives.
type world struct {
	*Plane
	t    testing.TB
	node *fakeNode
	kept *memory
	now  time.Time
}

// memory is a store.
type memory struct {
	mu        sync.Mutex
	documents map[string]definitions.Document
	changes   int
	full      int // the changes that it takes; 0 for any number
}

func (m *memory) Load(context.Context) (map[string]definitions.Document, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.documents), nil
}

func (m *memory) Put(_ context.Context, name string, data []byte, expected definitions.Version) (definitions.Version, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.full > 0 && m.changes >= m.full {
		return "", errors.New("the store is full")
	}
	if m.documents[name].Version != expected {
		return "", definitions.ErrConflict
	}
	m.changes++
	version := definitions.Version(fmt.Sprint(m.changes))
	m.documents[name] = definitions.Document{Data: data, Version: version}
	return version, nil
}

func (m *memory) Delete(_ context.Context, name string, expected definitions.Version) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.documents[name].Version != expected {
		return definitions.ErrConflict
	}
	delete(m.documents, name)
	return nil
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{
		t: t, node: &fakeNode{pending: map[string]int64{}}, now: time.Unix(1700000000, 123456789),
		kept: &memory{documents: map[string]definitions.Document{}},
	}
	w.restart(Config{Account: "123456789012", Region: "eu-central-1", Place: Place{Role: RoleIgnored}})
	return w
}

// restart begins another life on what is kept.
func (w *world) restart(config Config) {
	w.t.Helper()
	var err error
	w.Plane, err = New(w.t.Context(), config, Deps{Store: w.kept, Node: w.node, Now: func() time.Time { return w.now }})
	if err == nil {
		err = w.Plane.Serve(w.t.Context())
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) call(operation, body string) (string, error) {
	answer, err := w.Call(w.t.Context(), operation, []byte(body), anyone(nil))
	return string(answer), err
}

func (w *world) good(operation, body string) string {
	w.t.Helper()
	answer, err := w.call(operation, body)
	if err != nil {
		w.t.Fatalf("%s %s: %v", operation, body, err)
	}
	return answer
}

// refused wants a call to be refused with this code, and a text that holds all of these.
func (w *world) refused(operation, body string, code ingest.Code, texts ...string) {
	w.t.Helper()
	answer, err := w.call(operation, body)
	var e *ingest.Error
	if !errors.As(err, &e) || e.Code != code {
		w.t.Errorf("%s %s: got %s, error %v; want %s", operation, body, answer, err, code)
		return
	}
	for _, text := range texts {
		if !strings.Contains(e.Detail, text) {
			w.t.Errorf("%s %s: got %q, want %q in it", operation, body, e.Detail, text)
		}
	}
}

const (
	role   = `"RoleARN":"arn:aws:iam::123456789012:role/delivery"`
	bucket = `"BucketARN":"arn:aws:s3:::lake"`
)

// creation is a call that makes a stream; more are members of its destination, each after a comma.
func creation(name, more string) string {
	return `{"DeliveryStreamName":"` + name + `","ExtendedS3DestinationConfiguration":{` + role + `,` + bucket + more + `}}`
}

func (w *world) create(name string) {
	w.t.Helper()
	w.good("CreateDeliveryStream", creation(name, ""))
}

// described is what a description says, by path of its members from DeliveryStreamDescription on.
func (w *world) described(name string) map[string]any {
	w.t.Helper()
	var answer struct{ DeliveryStreamDescription map[string]any }
	if err := json.Unmarshal([]byte(w.good("DescribeDeliveryStream", `{"DeliveryStreamName":"`+name+`"}`)), &answer); err != nil {
		w.t.Fatal(err)
	}
	return answer.DeliveryStreamDescription
}

func (w *world) destinationOf(name string) map[string]any {
	w.t.Helper()
	return w.described(name)["Destinations"].([]any)[0].(map[string]any)["ExtendedS3DestinationDescription"].(map[string]any)
}

// eventually looks until a condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within two minutes", what)
		}
	}
}

// canonical is JSON as the encoder writes it: compact, the members of each object in order.
func canonical(t testing.TB, text string) string {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	out, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
