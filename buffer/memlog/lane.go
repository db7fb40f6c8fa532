package memlog

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"hydrant/buffer"
)

type lane struct {
	log      *Log
	id       buffer.LaneID
	name     string
	records  []record // above the cursor, and what is in a block with the first of them
	damage   []buffer.Damage
	next     buffer.Seq
	cursor   buffer.Seq
	stats    buffer.StreamStats
	versions []version
	state    map[string][]byte
	locked   error // why the next block cannot be read
	derived  *lane // nil where nothing is derived
}

func newLane(l *Log, id buffer.LaneID, name string) *lane {
	return &lane{log: l, id: id, name: name, next: 1, state: map[string][]byte{}}
}

type record struct {
	seq     buffer.Seq
	arrival int64
	data    []byte
}

type version struct {
	buffer.Version
	first buffer.Seq
}

// Info implements buffer.Lane.
func (s *lane) Info() buffer.LaneInfo {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	info := buffer.LaneInfo{ID: s.id, Name: s.name, Cursor: s.cursor, Head: s.next - 1, Accepted: s.stats.Accepted}
	info.Origin.Epoch = s.log.epoch
	info.InUse = s.needed()
	return info
}

// needed are the versions that a record above the cursor may need, and of a lane that is not derived the one in force. Called
// with mu held.
func (s *lane) needed() (out []buffer.Version) {
	for i, v := range s.versions {
		next := s.next
		if i+1 < len(s.versions) {
			next = s.versions[i+1].first
		} else if !s.id.IsDerived() {
			next++ // of the record that may come
		}
		if next > s.cursor+1 {
			out = append(out, v.Version)
		}
	}
	return out
}

// Read implements buffer.Lane.
func (s *lane) Read(ctx context.Context, after buffer.Seq, b *buffer.Block) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		s.log.mu.Lock()
		changed := s.log.changed
		data, v, locked := s.block(after)
		if s.locked = locked; locked != nil {
			s.log.mu.Unlock()
			select {
			case <-time.After(keyLook):
				continue
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		damage := s.damageBefore(after, data)
		s.log.mu.Unlock()
		if damage != nil {
			return damage
		}
		if data != nil {
			err := b.Decode(data, s.log.DataKeys)
			b.Version = v
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Extent implements buffer.Lane.
func (s *lane) Extent(after buffer.Seq) (buffer.Seq, bool) {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	data, _, err := s.block(after)
	if data == nil || err != nil || s.damageBefore(after, data) != nil {
		return 0, false
	}
	return buffer.PeekHeader(data).Last(), true
}

// perBlock is small, so that tests see many blocks.
const perBlock = 7

// blockOf is the number of the block that a record is in, unless its version begins or ends there, or damage does.
func blockOf(seq buffer.Seq) buffer.Seq { return (seq - 1) / perBlock }

// keyLook is the pause between two looks for a data key.
const keyLook = 10 * time.Millisecond

// dataKey is what records of a version are encrypted with; nil for nothing.
func (s *lane) dataKey(v *buffer.Version) (*buffer.DataKey, error) {
	if v.Key == 0 {
		return nil, nil
	}
	return s.log.DataKeys.Key(v.Key)
}

// block packs the records around the first above after that share a version, for which it needs their data key. Where blocks
// begin depends on nothing that a reader does. Called with mu held.
func (s *lane) block(after buffer.Seq) ([]byte, *buffer.Version, error) {
	i, _ := slices.BinarySearchFunc(s.records, after+1, func(r record, s buffer.Seq) int { return int(int64(r.seq) - int64(s)) })
	if i == len(s.records) {
		return nil, nil, nil
	}
	v := s.versionAt(s.records[i].seq)
	for i > 0 && s.records[i-1].seq == s.records[i].seq-1 && blockOf(s.records[i-1].seq) == blockOf(s.records[i].seq) && s.versionAt(s.records[i-1].seq) == v {
		i--
	}
	var w buffer.Builder
	first := s.records[i].seq
	key, err := s.dataKey(v)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range s.records[i:] {
		if blockOf(r.seq) != blockOf(first) || s.versionAt(r.seq) != v || r.seq != first+buffer.Seq(w.Count()) {
			break
		}
		w.Add(r.data, r.arrival)
	}
	return w.EncodeSealed(s.id, first, key), v, nil
}

func (s *lane) versionAt(seq buffer.Seq) *buffer.Version {
	for i := range slices.Backward(s.versions) {
		if s.versions[i].first <= seq {
			return &s.versions[i].Version
		}
	}
	return nil
}

// State implements buffer.Lane.
func (s *lane) State() iter.Seq2[string, []byte] {
	s.log.mu.Lock()
	state := maps.Clone(s.state)
	s.log.mu.Unlock()
	return func(yield func(string, []byte) bool) {
		for _, key := range slices.Sorted(maps.Keys(state)) {
			if !yield(key, state[key]) {
				return
			}
		}
	}
}

// pending are the records above the cursor. Called with mu held.
func (s *lane) pending() []record {
	i, _ := slices.BinarySearchFunc(s.records, s.cursor+1, func(r record, s buffer.Seq) int { return int(int64(r.seq) - int64(s)) })
	return s.records[i:]
}

// Commit implements buffer.Lane.
func (s *lane) Commit(ctx context.Context, c buffer.Change) error {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	if err := s.log.alive(ctx, "commit"); err != nil {
		return err
	}
	if c.Cursor >= s.next {
		return fmt.Errorf("cursor %d is beyond the last record, %d", c.Cursor, s.next-1)
	}
	if err := s.derive(c.Derived); err != nil {
		return err
	}
	for _, e := range c.Put {
		s.state[e.Key] = slices.Clone(e.Value)
	}
	for _, key := range c.Delete {
		delete(s.state, key)
	}
	if c.Cursor > s.cursor {
		s.cursor = c.Cursor
		s.records = slices.DeleteFunc(s.records, func(r record) bool {
			return r.seq <= c.Cursor && (c.Cursor == s.next-1 || blockOf(r.seq) < blockOf(c.Cursor+1))
		})
		for len(s.versions) > 1 && s.versions[1].first <= c.Cursor+1 {
			s.versions = slices.Clone(s.versions[1:]) // readers may hold a version of the old array
		}
	}
	s.log.signal()
	return nil
}
