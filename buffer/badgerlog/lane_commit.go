package badgerlog

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"hydrant/buffer"
)

// State implements buffer.Lane.
func (l *lane) State() iter.Seq2[string, []byte] {
	l.log.mu.Lock()
	var entries []buffer.Entry
	for p, s := range l.log.state[l.id] {
		if p.kind == kindEntry {
			entries = append(entries, buffer.Entry{Key: p.key, Value: s.value})
		}
	}
	l.log.mu.Unlock()
	slices.SortFunc(entries, func(a, b buffer.Entry) int { return strings.Compare(a.Key, b.Key) })
	return func(yield func(string, []byte) bool) {
		for _, e := range entries {
			if !yield(e.Key, e.Value) {
				return
			}
		}
	}
}

// Commit implements buffer.Lane.
func (l *lane) Commit(ctx context.Context, c buffer.Change) error {
	size, err := l.log.awaitRoomFor(c.Derived)
	if err != nil {
		return err
	}
	return l.log.submit(ctx, l.change(c, size))
}

// change adds what a commit changes to a group; size is that of the records derived.
func (l *lane) change(c buffer.Change, size int) func(*group) error {
	return func(g *group) error {
		if err := l.admitDerived(c.Derived, size); err != nil {
			return err
		}
		key, err := l.derivedKey(c.Derived)
		if err != nil {
			return err
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if c.Cursor >= l.books.next {
			return fmt.Errorf("cursor %d is beyond the last record, %d", c.Cursor, l.books.next-1)
		}
		for _, e := range c.Put {
			g.changes = append(g.changes, change{stateKey: stateKey{kindEntry, l.id, e.Key}, value: e.Value})
		}
		for _, key := range c.Delete {
			g.changes = append(g.changes, change{stateKey: stateKey{kindEntry, l.id, key}, deleted: true})
		}
		if c.Cursor > l.cursor {
			g.changes = append(g.changes, change{stateKey: stateKey{kindCursor, l.id, ""}, value: encodeCursor(c.Cursor)})
			g.changes = append(g.changes, l.retired(c.Cursor)...)
		}
		g.derive(l.derived, c.Derived, size, key)
		return nil
	}
}
