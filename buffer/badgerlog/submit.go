package badgerlog

import (
	"context"
	"fmt"
	"runtime"

	"hydrant/buffer"
)

// submit lets fill add to the forming group and waits until that is durable.
func (l *Log) submit(ctx context.Context, fill func(*group) error) error {
	g, err := l.add(fill)
	if g == nil {
		return err
	}
	wake(l.work)
	return g.wait(ctx)
}

// add lets fill add to the forming group, and returns that; nil where it is still empty, or with an error.
func (l *Log) add(fill func(*group) error) (*group, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.alive(); err != nil {
		return nil, err
	}
	if err := fill(l.forming); err != nil || l.forming.empty() {
		return nil, err
	}
	return l.forming, nil
}

func (g *group) wait(ctx context.Context) error {
	select {
	case <-g.done:
		return g.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// take waits for something to commit; nil means that the log is closed and everything is committed.
//
// A group costs much the same whatever is in it. Where producers come side by side and the processors are busy, those whose
// turn it is first are let in: the last group's, with their next batches. It costs no time that anybody had to spare: a
// processor that is idle goes on with the group at once.
func (l *Log) take(crowded bool) *group {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.forming.empty() {
		if l.closed {
			return nil
		}
		l.mu.Unlock()
		<-l.work
		l.mu.Lock()
	}
	if crowded {
		l.mu.Unlock()
		runtime.Gosched()
		l.mu.Lock()
	}
	g := l.forming
	l.forming = newGroup()
	l.room.Broadcast()
	return g
}

// alive reports why nothing may come in any more. Called with mu held.
func (l *Log) alive() error {
	if l.failure != nil {
		return l.failure
	}
	if l.closed {
		return buffer.ErrClosed
	}
	return nil
}

// broken reports why nothing can be stored any more.
func (l *Log) broken() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failure
}

// fail ends the log: what was acknowledged is on disk, nothing more can be.
func (l *Log) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failure == nil {
		l.failure = fmt.Errorf("the buffer cannot store anything any more: %w", err)
		close(l.failed)
	}
	l.room.Broadcast()
}

// finish tells everyone who waits for a group. The keys of one that failed are free again before that, and its definitions
// are not in force.
func (l *Log) finish(g *group) {
	if g.err != nil {
		l.mu.Lock()
		l.keys.abandon(g)
		l.undefine(g)
		l.mu.Unlock()
	}
	close(g.done)
}
