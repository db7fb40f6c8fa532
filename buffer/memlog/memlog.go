// Package memlog is a complete buffer.Log in memory, with settable faults: what tests of the pipeline run on, and a second
// opinion on what the contract means. It keeps records as they came and shares no code with the engines on disk but the
// block, which its readers are given.
package memlog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"hydrant/buffer"
)

// Log implements buffer.Log. The zero value is ready; it may be opened again after Close or Crash, with what it held.
type Log struct {
	// Now is the clock for arrivals; nil means time.Now.
	Now func() time.Time
	// Fault, where set, is asked before anything becomes durable: op is append, define or commit. An error is returned to
	// the caller and nothing is stored.
	Fault func(op string) error
	// Window bounds what keys are remembered; Elapsed is its clock, which must never go back; nil means the process's.
	Window  buffer.Window
	Elapsed func() time.Duration

	DataKeys buffer.DataKeys // that blocks of streams with a data key are encrypted with

	mu      sync.Mutex
	epoch   uint64
	closed  bool
	lanes   map[buffer.StreamID]*lane
	changed chan struct{} // closed and made anew at every change
	failed  chan struct{}
	keys    keys
}

// Open begins another life of the log.
func (l *Log) Open() *Log {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.epoch++
	l.closed = false
	l.keys.window, l.keys.early = l.Window.WithDefaults(), 0
	l.failed = make(chan struct{})
	if l.lanes == nil {
		l.lanes, l.changed = map[buffer.StreamID]*lane{}, make(chan struct{})
	}
	return l
}

// signal wakes whoever waits. Called with mu held.
func (l *Log) signal() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// alive is asked before every change. Called with mu held.
func (l *Log) alive(ctx context.Context, op string) error {
	if l.closed {
		return buffer.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if l.Fault != nil {
		return l.Fault(op)
	}
	return nil
}

// Streams implements buffer.Log.
func (l *Log) Streams() []buffer.Stream {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []buffer.Stream
	for _, lane := range l.lanes {
		s := buffer.Stream{ID: lane.id.Stream, Name: lane.name}
		if n := len(lane.versions); n > 0 {
			s.Current = lane.versions[n-1].Version
		}
		s.InUse = lane.withDerived(lane.needed())
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b buffer.Stream) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// NeededKeys implements buffer.Log.
func (l *Log) NeededKeys() map[buffer.DataKeyID]bool {
	keys := map[buffer.DataKeyID]bool{}
	for _, s := range l.Streams() {
		for _, v := range s.InUse {
			if v.Key != 0 {
				keys[v.Key] = true
			}
		}
	}
	return keys
}

// Define implements buffer.Log.
func (l *Log) Define(ctx context.Context, d buffer.Definition) (buffer.Version, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.alive(ctx, "define"); err != nil {
		return buffer.Version{}, err
	}
	if d.Key != 0 {
		if _, err := l.DataKeys.Key(d.Key); err != nil {
			return buffer.Version{}, err
		}
	}
	s := l.lanes[d.Stream]
	if s == nil {
		s = newLane(l, buffer.LaneID{Stream: d.Stream}, d.Name)
		l.lanes[d.Stream] = s
	}
	if s.name != d.Name {
		return buffer.Version{}, fmt.Errorf("stream %s is called %q, not %q", d.Stream, s.name, d.Name)
	}
	if d.Derives && s.derived == nil {
		s.derived = newLane(l, s.id.Derived(), s.name)
	}
	v := version{buffer.Version{Number: 1, Logic: d.Logic, Data: d.Data, Key: d.Key}, s.next}
	if n := len(s.versions); n > 0 {
		v.Number = s.versions[n-1].Number + 1
	}
	s.versions = append(s.versions, v)
	l.signal()
	return v.Version, nil
}

// Append implements buffer.Log.
func (l *Log) Append(ctx context.Context, b buffer.Batch) (buffer.Receipt, error) {
	if len(b.Records) == 0 {
		return buffer.Receipt{}, errors.New("a batch needs a record")
	}
	for _, data := range b.Records {
		if len(data) > buffer.MaxRecord {
			return buffer.Receipt{}, fmt.Errorf("a record of %d bytes: the buffer takes at most %d", len(data), buffer.MaxRecord)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.alive(ctx, "append"); err != nil {
		return buffer.Receipt{}, err
	}
	s := l.lanes[b.Stream]
	if s == nil {
		return buffer.Receipt{}, fmt.Errorf("%w: %s", buffer.ErrUnknownStream, b.Stream)
	}
	if first, ok := l.keys.find(b.Key.ID, l.keyClock()); ok {
		return first.repeat(b.Key)
	}
	if _, err := s.dataKey(&s.versions[len(s.versions)-1].Version); err != nil {
		return buffer.Receipt{}, err
	}
	receipt := buffer.Receipt{First: s.next, Count: len(b.Records)}
	arrival := l.now().UnixMilli()
	for _, data := range b.Records {
		s.records = append(s.records, record{s.next, arrival, slices.Clone(data)})
		s.next++
		s.stats.Accepted++
		s.stats.AcceptedBytes += int64(len(data))
	}
	if !b.Key.ID.IsZero() {
		l.keys.add(b.Key, receipt, l.keyClock())
	}
	l.signal()
	return receipt, nil
}

func (l *Log) now() time.Time {
	if l.Now != nil {
		return l.Now()
	}
	return time.Now()
}

// Serve implements buffer.Log.
func (l *Log) Serve(ctx context.Context, run func(context.Context, buffer.Lane) error) error {
	var (
		wg      sync.WaitGroup
		mu      sync.Mutex
		errs    []error
		started = map[*lane]bool{}
	)
	for {
		l.mu.Lock()
		changed := l.changed
		for _, s := range l.served() {
			if started[s] {
				continue
			}
			started[s] = true
			wg.Go(func() {
				if err := run(ctx, s); err != nil && ctx.Err() == nil {
					mu.Lock()
					errs = append(errs, err)
					mu.Unlock()
				}
			})
		}
		l.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			wg.Wait()
			return errors.Join(errs...)
		}
	}
}

// Usage implements buffer.Log.
func (l *Log) Usage() buffer.Usage { return l.Stats().Usage }

// Stats implements buffer.Log.
func (l *Log) Stats() buffer.Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := buffer.Stats{
		Usage:   buffer.Usage{Keys: len(l.keys.byID), KeysExpiredEarly: l.keys.early},
		Streams: map[buffer.StreamID]buffer.StreamStats{},
	}
	for _, s := range l.served() {
		stats := out.Streams[s.id.Stream] // of the source, where s is derived
		if !s.id.IsDerived() {
			stats = s.stats
		}
		stats.Pending += int64(len(s.pending())) + s.damagedPending()
		out.Damaged += int64(len(s.damage))
		for _, r := range s.pending() {
			stats.PendingBytes += int64(len(r.data))
			if at := time.UnixMilli(r.arrival); stats.OldestArrival.IsZero() || at.Before(stats.OldestArrival) {
				stats.OldestArrival = at
			}
		}
		if s.locked != nil {
			stats.Locked = s.locked.Error()
		}
		out.Streams[s.id.Stream] = stats
	}
	return out
}

// Failed implements buffer.Log. This log never fails for good.
func (l *Log) Failed() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed
}

// Failure implements buffer.Log.
func (l *Log) Failure() error { return nil }

// Close implements buffer.Log.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	return nil
}
