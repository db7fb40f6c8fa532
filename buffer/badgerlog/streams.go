package badgerlog

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"strings"

	"hydrant/buffer"
)

// Streams implements buffer.Log.
func (l *Log) Streams() []buffer.Stream {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.byName) != len(l.lanes) { // none is ever taken out
		l.byName = slices.SortedFunc(maps.Values(l.lanes), func(a, b *lane) int { return strings.Compare(a.name, b.name) })
	}
	streams := make([]buffer.Stream, 0, len(l.byName))
	for _, lane := range l.byName {
		streams = append(streams, lane.stream())
	}
	return streams
}

// Stats implements buffer.Log.
func (l *Log) Stats() buffer.Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := buffer.Stats{Usage: l.usage(), Streams: make(map[buffer.StreamID]buffer.StreamStats, len(l.lanes))}
	for id, lane := range l.lanes {
		s.Streams[id] = lane.streamStats()
	}
	return s
}

// Usage implements buffer.Log.
func (l *Log) Usage() buffer.Usage {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.usage()
}

// usage is Usage for who holds mu.
func (l *Log) usage() buffer.Usage {
	u := buffer.Usage{
		Disk:    l.disk(),
		MaxDisk: l.cfg.MaxDisk,
		Forming: int64(l.incoming()),
		Recent:  l.cache.bytes,

		Keys:             len(l.keys.position),
		KeysExpiredEarly: l.keys.early,
	}
	for _, ranges := range l.damage {
		u.Damaged += int64(len(ranges))
	}
	switch {
	case l.short != nil:
		u.Full = l.short.Error()
	case l.supply.out():
		u.Full = l.supply.full.Error()
	}
	return u
}

// lane returns a lane by its id, or nil. Called with mu held.
func (l *Log) lane(id buffer.LaneID) *lane {
	lane := l.lanes[id.Stream]
	if lane != nil && id.IsDerived() {
		return lane.derived
	}
	return lane
}

// allLanes yields every lane, derived ones behind their sources. To be called, and ranged over, with mu held.
func (l *Log) allLanes() iter.Seq[*lane] {
	return func(yield func(*lane) bool) {
		for _, lane := range l.lanes {
			if !yield(lane) || lane.derived != nil && !yield(lane.derived) {
				return
			}
		}
	}
}

// stream describes the stream of a lane that is not derived. Called with Log.mu held.
func (l *lane) stream() buffer.Stream {
	s := buffer.Stream{ID: l.id.Stream, Name: l.name}
	s.InUse, s.Current = l.versionsInUse()
	if l.derived == nil {
		return s
	}
	derived, _ := l.derived.versionsInUse()
	for _, v := range derived {
		i, known := slices.BinarySearchFunc(s.InUse, v.Number, func(v buffer.Version, n uint64) int { return cmp.Compare(v.Number, n) })
		if !known {
			s.InUse = slices.Insert(slices.Clone(s.InUse), i, v)
		}
	}
	return s
}

// streamStats are the books of the stream of a lane that is not derived. Called with Log.mu held.
func (l *lane) streamStats() buffer.StreamStats {
	s := l.stats()
	if l.derived == nil {
		return s
	}
	d := l.derived.stats()
	s.Locked = cmp.Or(s.Locked, d.Locked)
	s.Pending += d.Pending
	s.PendingBytes += d.PendingBytes
	if s.OldestArrival.IsZero() || !d.OldestArrival.IsZero() && d.OldestArrival.Before(s.OldestArrival) {
		s.OldestArrival = d.OldestArrival
	}
	return s
}

// held is what a stream's undelivered blocks take on disk. Called with Log.mu held.
func (l *lane) held() int64 {
	if l.derived == nil {
		return l.stored.Load()
	}
	return l.stored.Load() + l.derived.stored.Load()
}
