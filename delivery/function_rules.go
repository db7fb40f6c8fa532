package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"hydrant/buffer"
	"hydrant/delivery/transform"
	"hydrant/partitioner"
	"hydrant/stream"
)

// functionRules are what one config version says about the stream's function.
type functionRules struct {
	owner       *function
	version     buffer.Version
	function    *stream.Transform // nil where the version has none
	partitioner *partitioner.Partitioner
}

// rulesOf returns the rules of a block's version.
func (f *function) rulesOf(v *buffer.Version) (*functionRules, error) {
	if v == nil {
		return nil, fmt.Errorf("the buffer has lost the definition that the records above %d were taken under", f.position)
	}
	if r, ok := f.rules[v.Number]; ok {
		return r, nil
	}
	r := &functionRules{owner: f, version: *v}
	rules, err := newRules(v, mainTrack, true)
	if err != nil {
		return nil, err
	}
	if r.function = rules.stream.Transform; r.function != nil {
		r.partitioner = rules.partitioner
	}
	f.rules[v.Number] = r
	return r, nil
}

// current is the function of the version, called as the definition in force now says.
func (r *functionRules) current() stream.Transform {
	if s, ok := r.owner.service.deps.Current(r.owner.info.Name); ok && s.Transform != nil && s.Transform.Name() == r.function.Name() {
		return *s.Transform
	}
	return *r.function
}

// refuses reports whether a record that passed the function may be refused for its partition.
func (r *functionRules) refuses() bool {
	s, ok := r.owner.service.deps.Current(r.owner.info.Name)
	return ok && s.Partitions.Exceeded == stream.ExceededError
}

// call is the function, ready to be called.
func (r *functionRules) call() *transform.Function {
	t, s, name := r.current(), r.owner.service, r.owner.info.Name
	return &transform.Function{
		Invoker: s.invoker(t), Name: t.Name(), Retries: *t.Retries, Timeout: time.Duration(t.Timeout),
		KeepRaw: r.partitioner.MayFail() || r.refuses(), Region: s.cfg.Region,
		Stream:   fmt.Sprintf("arn:aws:firehose:%s:%s:deliverystream/%s", s.cfg.Region, s.cfg.Account, name),
		Observe:  func(took time.Duration, ok bool) { s.deps.Metrics.called(name, took, ok) },
		Troubled: r.owner.troubled,
	}
}

// invoker is a function that is opened by the first call that needs it. What fails there is that call's trouble.
type invoker struct {
	service    *Service
	definition stream.Transform

	mu     sync.Mutex
	opened transform.Invoker
}

// invoker returns the one that serves a definition.
func (s *Service) invoker(t stream.Transform) *invoker {
	// What says when to call makes no other function.
	key, err := json.Marshal(stream.Transform{Lambda: t.Lambda, HTTP: t.HTTP, WASM: t.WASM})
	if err != nil {
		panic("delivery: a definition is always JSON: " + err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.invokers[string(key)]
	if i == nil {
		i = &invoker{service: s, definition: t}
		s.invokers[string(key)] = i
	}
	return i
}

// Invoke implements transform.Invoker.
func (i *invoker) Invoke(ctx context.Context, request []byte) ([]byte, error) {
	opened, err := i.open(ctx)
	if err != nil {
		return nil, &transform.Error{Class: transform.Held, Code: transform.Unreachable, Err: err}
	}
	return opened.Invoke(ctx, request)
}

func (i *invoker) open(ctx context.Context) (transform.Invoker, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.opened != nil {
		return i.opened, nil
	}
	if i.service.deps.Function == nil {
		return nil, errors.New("this program calls no functions")
	}
	var err error
	i.opened, err = i.service.deps.Function(context.WithoutCancel(ctx), i.definition)
	return i.opened, err
}

// close lets go of what was opened.
func (i *invoker) close() error {
	if c, ok := i.opened.(io.Closer); ok {
		return c.Close()
	}
	return nil
}
