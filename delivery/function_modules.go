package delivery

import (
	"context"
	"errors"
	"fmt"

	"hydrant/delivery/transform"
	"hydrant/stream"
)

// Modules are modules as their files are now. Nothing calls them before a service uses them.
type Modules struct {
	read map[string]readModule // by the key of their invoker
}

type readModule struct {
	definition stream.Transform
	opened     *opening
}

// OpenFunction makes what calls a stream's function.
type OpenFunction func(ctx context.Context, t stream.Transform) (transform.Invoker, error)

// ReadModules reads the modules of the streams' functions. It fails if some of them are no modules, and names each of those.
// What it returns is ended by Service.Use or Discard.
func ReadModules(ctx context.Context, open OpenFunction, streams []stream.Stream) (*Modules, error) {
	m := &Modules{read: map[string]readModule{}}
	var faults []error
	for _, d := range streams {
		if d.Transform == nil || d.Transform.WASM == nil {
			continue
		}
		key := invokerKey(*d.Transform)
		if _, known := m.read[key]; known {
			continue // of another stream too
		}
		o, err := open.opening(ctx, *d.Transform)
		if err != nil {
			faults = append(faults, fmt.Errorf("transform.wasm.path of stream %s: %w", d.Name, err))
			continue
		}
		m.read[key] = readModule{*d.Transform, o}
	}
	if len(faults) > 0 {
		return nil, errors.Join(append(faults, m.Discard())...)
	}
	return m, nil
}

// Use has all calls from now on go to the modules, which are those of all streams. Those that they take the place of go once
// their last call has ended, and so do those that no stream has any more. After the end of Run the modules themselves go.
func (s *Service) Use(m *Modules) {
	if s.use(m) {
		return
	}
	if err := m.Discard(); err != nil {
		s.deps.Log.Warn("a module of a function cannot be closed", "error", err)
	}
}

// use reports whether it took the modules.
func (s *Service) use(m *Modules) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	for _, r := range m.read {
		s.letGo(s.invokerOf(r.definition).swap(r.opened))
	}
	for key, i := range s.invokers {
		if _, read := m.read[key]; !read && i.users == 0 {
			s.dropInvoker(i)
		}
	}
	clear(m.read)
	return true
}

// Discard lets go of modules that are not used. After Use it does nothing.
func (m *Modules) Discard() error {
	var errs []error
	for _, r := range m.read {
		errs = append(errs, r.opened.close())
	}
	clear(m.read)
	return errors.Join(errs...)
}
