package badgerlog

import (
	"context"
	"errors"

	"hydrant/buffer"
)

// Forward rewriting: generations are dropped from the oldest on, so one slow stream's few blocks would pin everything
// that came after them. Where the blocks that are not settled are few, they are written anew into the current
// generation. They keep their sequences; until the old generation is dropped there are two copies, both are right, and
// recovery takes the newer one, which lies in a later group.

const (
	liveShare    = 10 // rewritten where less than a tenth is live,
	pressedShare = 2  // or less than a half, where the disk presses
	sparseLooks  = 2  // what is about to be settled anyway is not rewritten

	moveLimit  = 1 << 20 // bytes written anew with one group: appends share its sync
	moveBlocks = 2 << 10 // of them: one transaction of the smallest generation takes three times as many
)

// move is a block on its way from one generation to another.
type move struct {
	lane *lane
	from *ref
	data []byte
}

// hold and letGo count a block that is not settled.
func (g *generation) hold(r *ref)  { g.live.Add(1); g.liveBytes.Add(int64(r.stored)) }
func (g *generation) letGo(r *ref) { g.live.Add(-1); g.liveBytes.Add(-int64(r.stored)) }

// move points the index to a block's new place, unless it was settled meanwhile.
func (l *lane) move(m *move, where *generation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i, there := l.indexOf(m.from)
	if !there {
		return
	}
	old := m.from
	// A new ref: readers hold the old one without the lock.
	r := &ref{first: old.first, count: old.count, raw: old.raw, stored: old.stored, arrival: old.arrival, generation: where}
	l.refs[i] = r
	old.generation.letGo(old)
	where.hold(r)
}

// countSparse notes how long the oldest generation has been worth rewriting. For housekeeping alone, once a second.
func (l *Log) countSparse() {
	if l.worthRewriting(liveShare) {
		l.looks.sparse++
		return
	}
	l.looks.sparse = 0
}

// rewrite moves some blocks of the oldest generation forward, if that is worth it. For housekeeping alone.
func (l *Log) rewrite() {
	oldest := l.oldestIdle()
	if oldest == nil || oldest.live.Load() == 0 || oldest.stuck {
		return
	}
	settled := l.looks.sparse >= sparseLooks && l.worthRewriting(liveShare)
	pressed := l.pressed() && (l.worthRewriting(pressedShare) || l.starves())
	if !settled && !pressed || !l.roomToMove(oldest) {
		return
	}
	moves, err := l.movesFrom(oldest)
	if err == nil && len(moves) > 0 {
		err = l.submit(context.Background(), func(g *group) error {
			g.moves = append(g.moves, moves...)
			return nil
		})
		blocksMoved.Reach()
	}
	if _, full := errors.AsType[*buffer.FullError](err); err != nil && !full && !errors.Is(err, buffer.ErrClosed) {
		l.cfg.Log.Error("blocks of an old generation could not be rewritten", "generation", oldest.dir, "error", err)
	}
	if err == nil && len(moves) == 0 {
		oldest.stuck = true // what is left is damaged: it waits for its reader
	}
}

// worthRewriting reports whether the oldest generations hold share times more than what is live in them. Rewriting one
// then frees the others too: their sum counts, not the oldest's own share. What the rule leaves alone is therefore
// bounded by share times what is undelivered.
func (l *Log) worthRewriting(share int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	var live, held int64
	for _, g := range l.gens {
		if g == l.current || !g.idle() {
			return false
		}
		live += g.liveBytes.Load()
		held += g.allocated.Load()
		if live*share < held {
			return true
		}
	}
	return false
}

// pressed reports whether the disk or max_disk is running out.
func (l *Log) pressed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.supply.full != nil || l.short != nil || l.disk() > l.cfg.MaxDisk/4*3
}

// roomToMove reports whether moving leaves enough for the state of a full log.
func (l *Log) roomToMove(oldest *generation) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.supply.out() {
		return true
	}
	if l.current == nil {
		return false
	}
	return oldest.liveBytes.Load()+oldest.live.Load()*entryOverhead < l.rest(othersLeave)
}

// movesFrom reads live blocks of a generation, up to the limit. A damaged one is never moved: a copy would give it a
// checksum's blessing that it has lost, and its reader must find it.
func (l *Log) movesFrom(g *generation) ([]*move, error) {
	l.mu.Lock()
	var found []*move
	for lane := range l.allLanes() {
		found = append(found, lane.blocksIn(g)...)
	}
	l.mu.Unlock()
	var moves []*move
	size := 0
	for _, m := range found {
		data, err := l.readBlock(m)
		if errors.Is(err, buffer.ErrDamaged) {
			continue
		}
		if err != nil {
			return nil, err
		}
		m.data = data
		moves = append(moves, m)
		if size += len(data); size >= moveLimit || len(moves) == moveBlocks {
			break
		}
	}
	return moves, nil
}

// blocksIn are the lane's blocks that lie in a generation.
func (l *lane) blocksIn(g *generation) []*move {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []*move
	for _, r := range l.refs {
		if r.generation == g {
			found = append(found, &move{lane: l, from: r})
		}
	}
	return found
}

// readBlock returns a block as it is stored, its checksum verified.
func (l *Log) readBlock(m *move) ([]byte, error) {
	var data []byte
	key := blockKey(m.lane.id, m.from.first, m.from.count)
	keep := func(stored []byte) error {
		h, err := buffer.ParseHeader(stored)
		if err == nil && (h.Lane != m.lane.id || h.First != m.from.first || h.Count != m.from.count) {
			return buffer.ErrDamaged
		}
		data = append([]byte(nil), stored...)
		return err
	}
	err := m.from.generation.read(key, keep)
	for errors.Is(err, errNotOpen) {
		if err = l.readable.open(m.from.generation, l.cfg.Log); err == nil {
			err = m.from.generation.read(key, keep)
		}
	}
	return data, err
}
