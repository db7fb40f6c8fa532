// Package control is the control plane of the Amazon Data Firehose API: the operations on streams themselves. It checks
// calls as AWS does, keeps the definitions that they make, and has the node put them in force. Inputs, outputs and their
// encoding are the AWS SDK's.
package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"hydrant/buffer"
	"hydrant/gateway/ingest"
	"hydrant/stream"
	"hydrant/stream/definitions"
)

// Config says where streams made through the API live.
type Config struct {
	Account string // 12 digits, of ARNs and messages
	Region  string // of ARNs, and of buckets
	Place   Place
	Quota   stream.Quota // of each stream

	Functions Functions
}

// Deps are the live parts. Store and Node are required.
type Deps struct {
	Store definitions.Store
	Node  Node
	Log   *slog.Logger
	Now   func() time.Time // nil means the clock
}

// Node is what the control plane needs of the node that it runs on. Its methods may be called from many goroutines at
// once.
type Node interface {
	// Serve puts the definitions in force, in place of all that were given before. A stream that is not among them any
	// more takes no records, and what it holds is delivered.
	Serve(ctx context.Context, made []stream.Stream) error

	// Streams are those in force, whoever made them, in the order of their names.
	Streams() []Stream

	// TryKey reports whether a data key can be made now for what a definition's Encrypt says. Error: *buffer.DataKeyError.
	TryKey(ctx context.Context, encrypt string) error

	// Discard gives up what a stream that is not served any more still holds, for ever, and reports whether nothing is
	// left. It is called until that is so. What an earlier stream of the name holds goes on being delivered; without an
	// incarnation it is given up too.
	Discard(ctx context.Context, name, incarnation string) (done bool, err error)

	// Undefined reports whether the node holds a stream of a name that is not served, and how many of its records are not
	// delivered.
	Undefined(name string) (records int64, ok bool)

	// Drain has what a stream that is not served any more still holds delivered at once, and returns how many records are
	// left. It is called until that is none.
	Drain(name string) (left int64)

	// Errors are the last errors of a stream's delivery, each as JSON, the latest last.
	Errors(name string) []json.RawMessage
}

// Stream is one that is in force.
type Stream struct {
	Definition stream.Stream
	Version    uint64 // of the definition, in the buffer
	Configured bool   // it is the configuration file's, and nobody else may change it
	Trouble    string // why it is not being delivered; empty if it is

	Encrypted  bool                 // its records are encrypted, as the version in force asks for
	KeyTrouble *buffer.DataKeyError // why it takes no records, or cannot be read: its data key cannot be had
}

// call is one call of an operation.
type call struct {
	Operation string
	Body      []byte
	ingest.Caller
}

// Plane serves the operations. Its methods may be called from many goroutines at once.
type Plane struct {
	config Config
	deps   Deps

	changing lock // one change at a time
	fleet    fleet
	mu       sync.RWMutex
	records  map[string]*record // immutable ones, by name
	damaged  int                // definitions that could not be read when the store was read last
	unserved error              // why what is known could not be put in force last
	leaving  chan struct{}      // wakes Run
}

// New returns a control plane that knows what the store holds. Serve puts that in force. Definitions that cannot be
// read are told to the log: their streams take no records, and what they hold is delivered.
func New(ctx context.Context, config Config, deps Deps) (*Plane, error) {
	if deps.Now == nil {
		deps.Now = time.Now
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	p := &Plane{config: config, deps: deps, changing: newLock(), leaving: make(chan struct{}, 1)}
	p.fleet = newFleet(deps.Store)
	return p, p.load(ctx)
}

// Damaged is how many definitions the store held that could not be read when it was read last.
func (p *Plane) Damaged() int {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.damaged
}

// operations serve their inputs. An operation that is not among them is not the control plane's.
var operations = map[string]func(*Plane, context.Context, call) (output, error){
	"CreateDeliveryStream":          serve((*Plane).create),
	"DeleteDeliveryStream":          serve((*Plane).delete),
	"DescribeDeliveryStream":        serve((*Plane).describe),
	"ListDeliveryStreams":           serve((*Plane).list),
	"ListTagsForDeliveryStream":     serve((*Plane).listTags),
	"StartDeliveryStreamEncryption": serve((*Plane).startEncryption),
	"StopDeliveryStreamEncryption":  serve((*Plane).stopEncryption),
	"TagDeliveryStream":             serve((*Plane).tag),
	"UntagDeliveryStream":           serve((*Plane).untag),
	"UpdateDestination":             serve((*Plane).update),
}

// serve decodes a call into the input that an operation takes.
func serve[Input any](operation func(*Plane, context.Context, *Input, call) (output, error)) func(*Plane, context.Context, call) (output, error) {
	return func(p *Plane, ctx context.Context, c call) (output, error) {
		in := new(Input)
		if err := decode(c.Operation, c.Body, in); err != nil {
			return output{}, err
		}
		return operation(p, ctx, in, c)
	}
}

// maxBody is far above what an operation can say, in bytes.
const maxBody = 1 << 20

// Call serves one call and returns the answer as JSON. Errors are of type *ingest.Error.
func (p *Plane) Call(ctx context.Context, operation string, body []byte, by ingest.Caller) ([]byte, error) {
	serve, ok := operations[operation]
	if !ok {
		return nil, &ingest.Error{Code: ingest.UnknownOperation, Detail: operation + " is no operation on streams"}
	}
	if size := len(body); size > maxBody {
		return nil, &ingest.Error{
			Code: ingest.BodyTooLarge, Limit: maxBody, Size: int64(size),
			Detail: fmt.Sprintf("the body is %d bytes long, the limit of operations on streams is %d", size, maxBody),
		}
	}
	if err := p.lookFirst(ctx, operation); err != nil {
		return nil, asAnswer(err)
	}
	out, err := serve(p, ctx, call{operation, body, by})
	if err != nil {
		return nil, asAnswer(err)
	}
	return encode(out)
}

// Account is whose streams they are.
func (p *Plane) Account() string { return p.config.Account }

// Serve puts every stream of the store in force.
func (p *Plane) Serve(ctx context.Context) error {
	p.changing.Lock()
	defer p.changing.Unlock()
	return p.serve(ctx)
}

func (p *Plane) serve(ctx context.Context) (err error) {
	defer func() {
		p.fleet.behind = err != nil || p.fleet.shared != nil && p.notServed()
		p.noteUnserved(err)
	}()
	var made []stream.Stream
	for _, r := range p.all() {
		if r.Leaving != "" {
			continue
		}
		d, err := p.definition(r)
		if err != nil {
			p.deps.Log.Error("a stream made through the API cannot be served: it takes no records, and what it holds is delivered",
				"stream", r.Name, "reason", err)
			continue
		}
		made = append(made, d)
	}
	return p.deps.Node.Serve(ctx, made)
}

func (p *Plane) noteUnserved(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unserved = err
}

func (p *Plane) whyUnserved() error {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.unserved
}

// all returns the records in the order of their names.
func (p *Plane) all() []*record {
	p.mu.RLock()
	defer p.mu.RUnlock()
	var all []*record
	for _, name := range slices.Sorted(maps.Keys(p.records)) {
		all = append(all, p.records[name])
	}
	return all
}

func (p *Plane) record(name string) *record {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.records[name]
}

// put makes a record durable and known. Called with changing held.
func (p *Plane) put(ctx context.Context, r *record) error {
	var expected definitions.Version
	if before := p.record(r.Name); before != nil {
		expected = before.at
	}
	at, err := p.deps.Store.Put(ctx, r.Name, r.encode(), expected)
	if err != nil {
		return p.catchUp(ctx, err)
	}
	r.at = at
	p.mu.Lock()
	defer p.mu.Unlock()
	p.records[r.Name] = r
	return nil
}

// remove forgets a record, durably. Called with changing held.
func (p *Plane) remove(ctx context.Context, r *record) error {
	if err := p.deps.Store.Delete(ctx, r.Name, r.at); err != nil {
		return p.catchUp(ctx, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.records, r.Name)
	return nil
}

// catchUp puts in force what the store holds, after it has refused a change because somebody else was there first, also
// this node by a change that seemed to have failed. It returns why the change was not made.
func (p *Plane) catchUp(ctx context.Context, refused error) error {
	if !errors.Is(refused, definitions.ErrConflict) {
		return refused
	}
	if err := p.load(ctx); err != nil {
		return errors.Join(refused, err)
	}
	return errors.Join(refused, p.serve(ctx))
}

// again makes a change once more, on what is now there, as long as others change the same stream at the same time. Called
// with changing held.
func again(change func() error) (err error) {
	const attempts = 10
	for range attempts {
		if err = change(); !errors.Is(err, definitions.ErrConflict) {
			return err
		}
	}
	return err
}

// asAnswer puts an error in the gateway's terms.
func asAnswer(err error) error {
	if errors.Is(err, definitions.ErrConflict) {
		return &ingest.Error{Code: ingest.VersionConflict, Detail: err.Error() + "; describe the stream and try again"}
	}
	return ingest.AsError(err)
}
