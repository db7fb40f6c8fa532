package delivery

import "iter"

// openList keeps a lane's open objects in the order of their opening. Any of them leaves at no cost: a slice would be
// walked whole for each object sealed, 10,000 at a time.
type openList struct {
	first, last *object
	len         int
}

func (l *openList) push(o *object) {
	o.before = l.last
	if l.last == nil {
		l.first = o
	} else {
		l.last.after = o
	}
	l.last = o
	l.len++
}

func (l *openList) remove(o *object) {
	if o.before == nil {
		l.first = o.after
	} else {
		o.before.after = o.after
	}
	if o.after == nil {
		l.last = o.before
	} else {
		o.after.before = o.before
	}
	o.before, o.after = nil, nil
	l.len--
}

// all yields the objects, the oldest first. The one in hand may be removed.
func (l *openList) all() iter.Seq[*object] {
	return func(yield func(*object) bool) {
		for o := l.first; o != nil; {
			next := o.after
			if !yield(o) {
				return
			}
			o = next
		}
	}
}
