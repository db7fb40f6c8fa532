package delivery

import (
	"context"
	"fmt"

	"hydrant/stream"
)

// Modules are modules as their files are now. Nothing calls them before Use.
type Modules struct {
	service *Service
	read    map[*invoker]*opening
}

// ReadModules reads the modules of the streams' functions anew. It fails if one of them is no module, and changes nothing.
// What it returns is ended by Use or Discard.
func (s *Service) ReadModules(ctx context.Context, streams []stream.Stream) (*Modules, error) {
	m := &Modules{service: s, read: map[*invoker]*opening{}}
	for _, d := range streams {
		if d.Transform == nil || d.Transform.WASM == nil {
			continue
		}
		i := s.invoker(*d.Transform)
		if m.read[i] != nil {
			continue // of another stream too
		}
		o, err := s.openFunction(ctx, *d.Transform)
		if err != nil {
			m.Discard()
			return nil, fmt.Errorf("transform.wasm.path of stream %s: %w", d.Name, err)
		}
		m.read[i] = o
	}
	return m, nil
}

// Use has all calls from now on go to the modules. Those that they take the place of go once their last call has ended.
func (m *Modules) Use() {
	m.service.mu.Lock()
	defer m.service.mu.Unlock()
	for i, o := range m.read {
		before := i.swap(o)
		m.service.leaving.Go(func() { m.service.letGo(before) })
	}
	clear(m.read)
}

// Discard lets go of modules that are not used. After Use it does nothing.
func (m *Modules) Discard() {
	for _, o := range m.read {
		m.service.letGo(o)
	}
	clear(m.read)
}

func (s *Service) letGo(o *opening) {
	if err := o.close(); err != nil {
		s.deps.Log.Warn("a module of a function cannot be let go of", "error", err)
	}
}
