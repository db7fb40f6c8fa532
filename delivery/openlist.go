package delivery

import "iter"

// openList keeps a lane's open objects: in the order of their opening, those apart that have waited for their interval and
// may wait longer, and in the order of their use. Any of them leaves at no cost: a slice would be walked whole for each
// object sealed, 10,000 at a time.
type openList struct {
	warm order
	cold order
	used order
	len  int
}

// order is a list of objects. An object is in one of those by opening, and in the one by use.
type order struct {
	first, last *object
	by          int
}

const (
	byOpening = iota
	byUse
)

type links struct{ before, after *object }

func newOpenList() openList { return openList{used: order{by: byUse}} }

// push adds an object that was opened just now.
func (l *openList) push(o *object) {
	l.warm.push(o)
	l.used.push(o)
	l.len++
}

func (l *openList) remove(o *object) {
	l.ofAge(o).remove(o)
	l.used.remove(o)
	l.len--
}

func (l *openList) ofAge(o *object) *order {
	if o.cold {
		return &l.cold
	}
	return &l.warm
}

// chill lets an object wait for the longer interval.
func (l *openList) chill(o *object) {
	l.warm.remove(o)
	o.cold = true
	l.cold.push(o)
}

// thaw has an object be looked at first, which has waited for its interval and may wait no longer.
func (l *openList) thaw(o *object) {
	l.cold.remove(o)
	o.cold = false
	l.warm.pushFront(o)
}

// oldest is the object that was opened first.
func (l *openList) oldest() *object {
	if l.cold.first != nil {
		return l.cold.first
	}
	return l.warm.first
}

// coldest is an object that was not written to since it was last looked at, the one of the longest ago. Whatever was written
// to goes behind all others instead, so that a look costs little: no order changes with each record.
func (l *openList) coldest() *object {
	for range l.len {
		o := l.used.first
		if o.looked == o.last {
			return o
		}
		o.looked = o.last
		l.used.remove(o)
		l.used.push(o)
	}
	return l.used.first
}

// all yields the objects, the oldest of each age first. The one in hand may be removed.
func (l *openList) all() iter.Seq[*object] {
	return func(yield func(*object) bool) {
		for o := range l.cold.all() {
			if !yield(o) {
				return
			}
		}
		l.warm.all()(yield)
	}
}

func (l *order) push(o *object) {
	o.links[l.by].before = l.last
	if l.last == nil {
		l.first = o
	} else {
		l.last.links[l.by].after = o
	}
	l.last = o
}

func (l *order) pushFront(o *object) {
	o.links[l.by].after = l.first
	if l.first == nil {
		l.last = o
	} else {
		l.first.links[l.by].before = o
	}
	l.first = o
}

func (l *order) remove(o *object) {
	at := &o.links[l.by]
	if at.before == nil {
		l.first = at.after
	} else {
		at.before.links[l.by].after = at.after
	}
	if at.after == nil {
		l.last = at.before
	} else {
		at.after.links[l.by].before = at.before
	}
	*at = links{}
}

// all yields the objects in order. The one in hand may be removed.
func (l *order) all() iter.Seq[*object] {
	return func(yield func(*object) bool) {
		for o := l.first; o != nil; {
			next := o.links[l.by].after
			if !yield(o) {
				return
			}
			o = next
		}
	}
}
