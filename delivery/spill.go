package delivery

import (
	"cmp"
	"errors"
	"iter"
	"slices"
	"time"
)

// The memory of objects is shared by all lanes. Three quarters belong to whoever needs them; the last quarter is divided
// evenly, so that a lane can always move, whatever another one holds.

// crowded reports whether the lane has to give memory up: the common part is used up, and the lane holds more than its
// own part.
func (l *lane) crowded() bool {
	s := l.service
	return s.memory.Load() > s.room()/4*3 && l.memory > l.ownMemory()
}

func (l *lane) ownMemory() int64 { return l.service.room() / 4 / max(1, l.service.serving.Load()) }

// relieve gives memory up where all lanes together hold more than there is: objects that grow go to scratch, the largest
// first. Where scratch takes no more, the largest open ones are sealed early, which makes objects smaller than they could be;
// and where too many of these wait already, the lane holds. Where nothing waits, and what is made again takes the room,
// errNoRoom ends this life of the lane.
func (l *lane) relieve() error {
	if !l.crowded() {
		return nil
	}
	l.spillLargest()
	if l.crowded() {
		l.closeLargest()
	}
	if l.crowded() && l.waiting == 0 && len(l.closing) == 0 && len(l.rebuilding.objects) > 0 {
		return errNoRoom
	}
	return nil
}

// spillLargest moves objects that grow to scratch until half of what the lane holds is given up.
func (l *lane) spillLargest() {
	if l.scratch != nil {
		l.spill(largest(l.unfinished()), l.memory/2)
	}
}

// closeLargest closes open objects, as far as there is room, until half of what the lane holds is about to be given up.
func (l *lane) closeLargest() {
	held, goal := l.memory, l.memory/2
	for _, o := range largest(l.open.all()) {
		if held <= goal || l.room() == 0 {
			return
		}
		held -= o.memory
		l.close(o, reasonMemory)
	}
}

// unfinished yields the objects that may grow yet.
func (l *lane) unfinished() iter.Seq[*object] {
	return func(yield func(*object) bool) {
		for _, o := range l.rebuilding.objects {
			if !yield(o) {
				return
			}
		}
		l.open.all()(yield)
	}
}

// largest sorts objects, those that hold most memory first.
func largest(objects iter.Seq[*object]) []*object {
	return slices.SortedFunc(objects, func(a, b *object) int { return cmp.Compare(b.memory, a.memory) })
}

// spill moves objects to scratch in the order given, until the lane holds no more than goal. Those of an encrypted stream
// stay in memory: they are sealed early instead.
func (l *lane) spill(objects []*object, goal int64) {
	for _, o := range objects {
		if l.memory <= goal {
			break
		}
		if o.rules != nil && o.rules.private {
			continue
		}
		if err := l.spillObject(o); err != nil {
			l.tellScratch(err)
			return
		}
	}
}

// tellScratch says that scratch takes no more, once a minute at most.
func (l *lane) tellScratch(err error) {
	if errors.Is(err, errNoScratch) || time.Since(l.scratchTold) < time.Minute {
		return
	}
	l.scratchTold = time.Now()
	l.log.Warn("scratch takes no more: objects are sealed before they are full, and then the backlog waits in the buffer", "reason", err)
}

// spillObject moves all that an object holds to scratch, as far as that takes it.
func (l *lane) spillObject(o *object) error {
	if l.scratch == nil {
		return errNoScratch
	}
	l.cut(o)
	l.countAll(o)
	for _, c := range o.chunks[len(o.spilled):] {
		e, err := l.scratch.put(c.bytes)
		if err != nil {
			return err
		}
		o.memory -= int64(len(e.bytes))
		l.account(-int64(len(e.bytes)))
		o.spilled = append(o.spilled, e)
		c.bytes = e.bytes
	}
	return nil
}

// damaged reports whether scratch gives back something else than was stored: the disk did not keep it.
func (o *object) damaged() bool {
	return slices.ContainsFunc(o.spilled, func(e extent) bool { return !e.intact() })
}

// forget lets go of everything that the object holds. Compressors are done with it then.
func (o *object) forget(s *Scratch) {
	o.tail.release()
	for _, c := range o.chunks {
		c.compressed()
	}
	for _, e := range o.spilled {
		s.release(e)
	}
	o.memory, o.chunks, o.spilled = 0, nil, nil
}
