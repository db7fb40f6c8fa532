package delivery

import (
	"fmt"
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
	f.rules = map[uint64]*functionRules{v.Number: r} // no block of another comes again
	return r, nil
}

// current is the function of the version, called as the definition in force now says.
func (r *functionRules) current() stream.Transform {
	if s, ok := r.owner.service.deps.Current(r.owner.info.Name); ok && s.Transform != nil && s.Transform.IsAt(*r.function) {
		return *s.Transform
	}
	return *r.function
}

// refuses reports whether a record that passed the function may be refused for its partition.
func (r *functionRules) refuses() bool {
	s, ok := r.owner.service.deps.Current(r.owner.info.Name)
	return ok && s.Partitions.Exceeded == stream.ExceededError
}

// call is the function, ready to be called once; its invoker is to be left then.
func (r *functionRules) call() (*transform.Function, *invoker) {
	t, s, name := r.current(), r.owner.service, r.owner.info.Name
	i := s.invoker(r.owner, t)
	f := transform.New(t, i, s.cfg.Region, s.cfg.Account, name)
	f.KeepRaw = r.partitioner.MayFail() || r.refuses()
	f.Observe = func(took time.Duration, ok bool) { s.deps.Metrics.called(name, took, ok) }
	f.Troubled = r.owner.troubled
	return f, i
}
