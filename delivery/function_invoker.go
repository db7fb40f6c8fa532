package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"sync"

	"hydrant/delivery/transform"
	"hydrant/stream"
)

// invoker is a function that is opened by the first call that needs it. What fails there is that call's trouble. It is let go
// once nobody uses it: no call under way, and no stream whose last call it had.
type invoker struct {
	service    *Service
	key        string
	definition stream.Transform
	users      int // guarded by the service's mu

	mu     sync.Mutex
	opened *opening
}

// opening is a function that was opened, and the calls that use it.
type opening struct {
	transform.Invoker
	calls sync.WaitGroup
}

// invoker returns the one that serves a definition, for a call of f that ends with leave. Until f calls another one, or is gone,
// it is kept.
func (s *Service) invoker(f *function, t stream.Transform) *invoker {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.invokerOf(t)
	i.users++
	if f.kept != i {
		i.users++
		s.leaveInvoker(f.kept)
		f.kept = i
	}
	return i
}

// leave ends a use.
func (i *invoker) leave() {
	i.service.mu.Lock()
	defer i.service.mu.Unlock()
	i.service.leaveInvoker(i)
}

// leaveInvoker is leave with mu held; nil is none.
func (s *Service) leaveInvoker(i *invoker) {
	if i == nil {
		return
	}
	if i.users--; i.users == 0 {
		s.dropInvoker(i)
	}
}

// dropInvoker lets go of one that nobody uses. Called with mu held.
func (s *Service) dropInvoker(i *invoker) {
	delete(s.invokers, i.key)
	s.letGo(i.swap(nil))
}

// letGo closes what was opened once its last call has ended. Called with mu held.
func (s *Service) letGo(o *opening) {
	s.leaving.Go(func() {
		if err := o.close(); err != nil {
			s.deps.Log.Warn("a function that is not called any more cannot be closed", "error", err)
		}
	})
}

// invokerOf is invoker with mu held.
func (s *Service) invokerOf(t stream.Transform) *invoker {
	key := invokerKey(t)
	i := s.invokers[key]
	if i == nil {
		i = &invoker{service: s, key: key, definition: t}
		s.invokers[key] = i
	}
	return i
}

// invokerKey tells functions apart. What says when to call makes no other function.
func invokerKey(t stream.Transform) string {
	key, err := json.Marshal(stream.Transform{Lambda: t.Lambda, HTTP: t.HTTP, WASM: t.WASM})
	if err != nil {
		panic("delivery: a definition is always JSON: " + err.Error())
	}
	return string(key)
}

// Invoke implements transform.Invoker.
func (i *invoker) Invoke(ctx context.Context, request []byte) ([]byte, error) {
	o, err := i.take(ctx)
	if err != nil {
		return nil, &transform.Error{Class: transform.Held, Code: transform.Unreachable, Err: err}
	}
	defer o.calls.Done()
	return o.Invoke(ctx, request)
}

// take returns what is opened, for one call that ends with calls.Done.
func (i *invoker) take(ctx context.Context) (*opening, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.opened == nil {
		o, err := i.service.deps.Function.opening(ctx, i.definition)
		if err != nil {
			return nil, err
		}
		i.opened = o
	}
	i.opened.calls.Add(1)
	return i.opened, nil
}

// swap puts another opening in the place of the one there is, which it returns.
func (i *invoker) swap(next *opening) (before *opening) {
	i.mu.Lock()
	defer i.mu.Unlock()
	before, i.opened = i.opened, next
	return before
}

// close lets go of what was opened.
func (i *invoker) close() error { return i.swap(nil).close() }

// opening opens a function, which outlives the context.
func (open OpenFunction) opening(ctx context.Context, t stream.Transform) (*opening, error) {
	if open == nil {
		return nil, errors.New("this program calls no functions")
	}
	opened, err := open(context.WithoutCancel(ctx), t)
	if err != nil {
		return nil, err
	}
	return &opening{Invoker: opened}, nil
}

// close waits for the calls that are under way.
func (o *opening) close() error {
	if o == nil {
		return nil
	}
	o.calls.Wait()
	if c, ok := o.Invoker.(io.Closer); ok {
		return c.Close()
	}
	return nil
}
