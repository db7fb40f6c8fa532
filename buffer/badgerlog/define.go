package badgerlog

import (
	"context"
	"errors"
	"fmt"

	"hydrant/buffer"
)

// Define implements buffer.Log. Those of many streams go into one group, of one stream one: a version counts from the one
// before it, which is durable then.
func (l *Log) Define(ctx context.Context, d buffer.Definition) (buffer.Version, error) {
	if err := l.prepareKey(d.Key); err != nil {
		return buffer.Version{}, err
	}
	for {
		var v version
		err := l.submit(ctx, l.definition(d, &v))
		var before *definingError
		if !errors.As(err, &before) {
			l.defined(d.Stream)
			return v.Version, err
		}
		select {
		case <-before.done:
		case <-ctx.Done():
			return buffer.Version{}, ctx.Err()
		}
	}
}

// definingError says that another definition of the stream is on its way.
type definingError struct{ done <-chan struct{} }

func (e *definingError) Error() string { return "another definition of the stream is on its way" }

// underWay is the end of the stream's definition that is on its way; nil where none is. Called with mu held.
func (l *Log) underWay(id buffer.StreamID) <-chan struct{} {
	done := l.defining[id]
	select {
	case <-done:
		return nil
	default:
		return done
	}
}

// defined forgets a definition that is not on its way any more. One that nobody has waited for may still be.
func (l *Log) defined(id buffer.StreamID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.underWay(id) == nil {
		delete(l.defining, id)
	}
}

// definition adds a definition to a group, and says which version it is.
func (l *Log) definition(d buffer.Definition, v *version) func(*group) error {
	return func(g *group) error {
		if done := l.underWay(d.Stream); done != nil {
			return &definingError{done}
		}
		if d.Derives && l.cfg.MaxDisk < MinDeriving {
			return fmt.Errorf("stream %s has a function, for which buffer.max_disk must be at least %d bytes: it is %d", d.Name, MinDeriving, l.cfg.MaxDisk)
		}
		lane, ok := l.lanes[d.Stream]
		if ok && d.Name != lane.name {
			return fmt.Errorf("stream %s is called %q, not %q", d.Stream, lane.name, d.Name)
		}
		if !ok {
			lane = newLane(l, buffer.LaneID{Stream: d.Stream}, d.Name)
			g.addLane(lane)
		}
		if d.Derives && lane.derived == nil {
			g.addLane(newLane(l, lane.id.Derived(), lane.name))
		}
		*v = version{buffer.Version{Number: lane.lastVersion().Number + 1, Logic: d.Logic, Data: d.Data, Key: d.Key}, lane.next}
		if ok {
			g.part(lane).broken = true // a block is read under one version
		}
		lane.key = d.Key
		g.changes = append(g.changes, change{
			stateKey: stateKey{kindVersion, lane.id, versionKey(v.Number)},
			value:    encodeVersion(*v),
		})
		l.defining[d.Stream] = g.done
		return nil
	}
}

// undefine goes back to the data keys of the versions in force, where a group that failed was to bring others. The records
// that came in since are under a key that no version would name: their group fails too. Called with mu held.
func (l *Log) undefine(g *group) {
	for i := range g.changes {
		lane := l.lane(g.changes[i].lane)
		if !g.changes[i].isVersion() || lane == nil || lane.id.IsDerived() {
			continue
		}
		before := lane.key
		lane.key = lane.lastVersion().Key
		if n, _ := l.forming.of(lane); lane.key != before && n > 0 {
			l.forming.err = fmt.Errorf("a definition before it could not be stored: %w", g.err)
		}
	}
}

// addLane has a group make a lane.
func (g *group) addLane(l *lane) {
	g.lanes = append(g.lanes, l)
	g.changes = append(g.changes, change{stateKey: stateKey{kindStream, l.id, ""}, value: []byte(l.name)})
}
