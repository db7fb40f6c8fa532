package badgerlog

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"slices"
	"sort"
	"time"

	"hydrant/buffer"
)

// What is damaged is state: found once, written down before anybody relies on it, and then treated as lost whatever the
// disk says later. An object that was sealed without a damaged record can only be made again if the record stays away.

func damageChange(lane buffer.LaneID, d buffer.Damage) change {
	value, err := json.Marshal(d)
	if err != nil {
		panic("badgerlog: a damaged range is always JSON: " + err.Error()) // strings and numbers only
	}
	return change{stateKey: stateKey{kindDamage, lane, string(binary.BigEndian.AppendUint64(nil, uint64(d.From)))}, value: value}
}

func decodeDamage(c *change) (buffer.Damage, bool) {
	if c.kind != kindDamage || c.deleted {
		return buffer.Damage{}, false
	}
	var d buffer.Damage // on the heap, so that it must not be made for every change
	err := json.Unmarshal(c.value, &d)
	return d, err == nil
}

// adoptDamage takes in what load found, and tells and returns what is news, to be written down.
func (l *Log) adoptDamage(m *image) (news []change) {
	for id, blocks := range m.blocks {
		if l.lane(id) == nil {
			m.loseStream(id, blocks)
		}
	}
	for id, known := range m.known {
		l.quarantine(id, known)
	}
	for id, found := range m.lost {
		for _, d := range found {
			news = append(news, damageChange(id, d))
			l.tellDamage(id, d)
		}
		l.quarantine(id, found)
	}
	return news
}

// loseStream takes the blocks of a stream as lost whose definition is. Those that are known of are not among them.
func (m *image) loseStream(id buffer.LaneID, blocks map[buffer.Seq]*ref) {
	var lost []buffer.Damage
	for _, r := range blocks {
		lost = append(lost, buffer.Damage{
			From: r.first, To: r.last(), Records: int64(r.count), Reason: "the stream's definition is lost", Generation: r.generation.id,
		})
	}
	m.lost[id] = append(m.lost[id], merge(lost)...)
}

// quarantine makes damaged ranges known to whom they concern.
func (l *Log) quarantine(id buffer.LaneID, damage []buffer.Damage) {
	for _, d := range damage {
		if l.damage[id] == nil {
			l.damage[id] = map[buffer.Seq]buffer.Damage{}
		}
		l.damage[id][d.From] = d
		for _, g := range l.gens {
			if g.id == d.Generation {
				g.damaged.Store(true)
			}
		}
		if lane := l.lane(id); lane != nil {
			l.cache.forget(lane.quarantine(d))
		}
	}
}

func (l *Log) tellDamage(id buffer.LaneID, d buffer.Damage) {
	log := l.cfg.Log.With("reason", d.Reason, "from", d.From, "to", d.To, "generation", d.Generation)
	switch lane := l.lane(id); {
	case id == logLane:
		log.Error("the buffer is damaged: groups are lost")
	case lane == nil:
		log.Error("the buffer is damaged: records of a stream that it does not know are lost", "stream_id", id.Stream, "records", d.Records)
	default:
		log.Error("the buffer is damaged: records are lost", "stream", lane.name, "records", d.Records)
	}
}

// recordDamage has what load found written down, so that it is not news at the next start. Where there is no room for a group
// now, it goes with the first one that there is: until then the next start finds the same.
func (l *Log) recordDamage() error {
	err := l.submit(context.Background(), func(g *group) error {
		g.news = true
		return nil
	})
	if full, ok := errors.AsType[*buffer.FullError](err); ok {
		l.cfg.Log.Warn("the buffer has no room to note its damage", "reason", full)
		return nil
	}
	return err
}

// quarantine takes a range off the lane's index, and returns its blocks.
func (l *lane) quarantine(d buffer.Damage) (gone []*ref) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.noteDamage(d)
	var kept []*ref // an array of its own: the old one is being read
	for _, r := range l.refs {
		if r.last() < d.From || d.To < r.first {
			kept = append(kept, r)
			continue
		}
		gone = append(gone, r)
		l.forget(r)
	}
	if len(gone) > 0 {
		l.refs = kept
	}
	return gone
}

// noteDamage adds what is new of a range to those that are known, which do not overlap: older versions have written some that do.
// Called with mu held.
func (l *lane) noteDamage(d buffer.Damage) {
	i := sort.Search(len(l.damage), func(i int) bool { return l.damage[i].To >= d.From })
	if i == len(l.damage) || d.To < l.damage[i].From {
		l.damage = slices.Insert(l.damage, i, d)
		return
	}
	l.damage = append(l.damage, carve(d, disjoint(spansOf(l.damage)))...)
	slices.SortFunc(l.damage, func(a, b buffer.Damage) int { return cmp.Compare(a.From, b.From) })
}

// nextDamage is what lies above after of the first damaged range there, if it comes before the block. Called with mu held.
func (l *lane) nextDamage(after buffer.Seq, r *ref) (buffer.Damage, bool) {
	i := sort.Search(len(l.damage), func(i int) bool { return l.damage[i].To > after })
	if i == len(l.damage) || r != nil && r.first < l.damage[i].From {
		return buffer.Damage{}, false
	}
	return above(l.damage[i], after)
}

// lostPending are the lost records that the cursor has not passed. Called with mu held.
func (l *lane) lostPending() int64 {
	var n int64
	for _, d := range l.damage {
		if d, pending := above(d, l.cursor); pending {
			n += d.Records
		}
	}
	return n
}

// isolate quarantines a block that cannot be read, and returns when that is durable. Readers beside each other find the same
// damage: the first one tells of it.
func (l *lane) isolate(ctx context.Context, r *ref, cause error) error {
	select {
	case l.isolating <- struct{}{}:
		defer func() { <-l.isolating }()
	case <-ctx.Done():
		return ctx.Err()
	}
	l.mu.Lock()
	if _, there := l.indexOf(r); !there {
		l.mu.Unlock()
		return nil // another reader has, or it is settled
	}
	whole := buffer.Damage{From: r.first, To: r.last(), Records: int64(r.count), Reason: cause.Error(), Generation: r.generation.id}
	d, _ := above(whole, l.cursor)
	l.mu.Unlock()
	for {
		err := l.log.submit(ctx, func(g *group) error {
			g.changes = append(g.changes, damageChange(l.id, d))
			return nil
		})
		if err == nil {
			l.log.mu.Lock()
			defer l.log.mu.Unlock()
			l.log.tellDamage(l.id, d)
			return nil
		}
		if _, full := errors.AsType[*buffer.FullError](err); !full {
			return err
		}
		if err := pause(ctx, time.Second); err != nil { // until others are delivered
			return err
		}
	}
}

// rescue reads a closed generation value by value from now on, because Badger gave a wrong answer. It reports whether
// that is news.
func (g *generation) rescue() (bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state != sealed {
		return false, nil
	}
	g.db = nil // not closed: after a fault one of its locks may be held for ever
	_, err := g.readByValue()
	return true, err
}
