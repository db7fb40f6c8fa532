package badgerlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hydrant/buffer"
)

// Read implements buffer.Lane.
func (l *lane) Read(ctx context.Context, after buffer.Seq, b *buffer.Block) error {
	for ctx.Err() == nil {
		r, version, changed, err := l.seek(after)
		if err != nil {
			return err
		}
		if r == nil {
			select {
			case <-changed:
			case <-ctx.Done():
			}
			continue
		}
		again, err := l.again(ctx, r, l.read(r, version, b))
		if !again || err != nil {
			return err
		}
	}
	return ctx.Err()
}

// seek is the first block that holds a record above after, and its version; where there is none yet, what is closed when
// something is published. A *buffer.CorruptError says that a damaged range comes before.
func (l *lane) seek(after buffer.Seq) (r *ref, version *buffer.Version, changed <-chan struct{}, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := l.find(after + 1); i < len(l.refs) {
		r, version = l.refs[i], l.versionAt(l.refs[i].first)
	}
	if damage, damaged := l.nextDamage(after, r); damaged {
		return nil, nil, nil, &buffer.CorruptError{Lane: l.id, Damage: damage}
	}
	if r == nil && l.changed == nil {
		l.changed = make(chan struct{})
	}
	return r, version, l.changed, nil
}

// again reports whether a block has to be looked for again after err came of reading it, and returns when that may help.
// Else it returns err.
func (l *lane) again(ctx context.Context, r *ref, err error) (bool, error) {
	if errors.Is(err, errNotOpen) {
		return true, nil // it was rewritten, or too many generations are read at once
	}
	switch {
	case l.lacksKey(err):
		return true, pause(ctx, keyLook)
	case errors.Is(err, errNotNow):
		l.log.cfg.Log.Error("records cannot be read now; trying again", "stream", l.name, "reason", err)
		return true, pause(ctx, time.Second)
	case errors.Is(err, buffer.ErrDamaged):
		return true, l.isolate(ctx, r, err)
	}
	return false, err
}

// pause waits out what passes by itself, such as too many open files. The error is the context's.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Extent implements buffer.Lane.
func (l *lane) Extent(after buffer.Seq) (buffer.Seq, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := l.find(after + 1)
	if i == len(l.refs) || l.locked != nil {
		return 0, false
	}
	if _, damaged := l.nextDamage(after, l.refs[i]); damaged {
		return 0, false
	}
	return l.refs[i].last(), true
}

// read reads a block into b. Where Badger gives a wrong answer, it reads the generation value by value.
func (l *lane) read(r *ref, v *buffer.Version, b *buffer.Block) error {
	err := l.load(r, b)
	if errors.Is(err, buffer.ErrDamaged) {
		news, rescueErr := r.generation.rescue()
		if rescueErr != nil {
			return fmt.Errorf("%w: %w", errNotNow, rescueErr)
		}
		if news {
			l.log.cfg.Log.Error("the buffer is damaged", "damage",
				fmt.Sprintf("generation %d was closed in good order, but %v: it is read value by value", r.generation.id, err))
		}
		err = l.load(r, b) // also where another lane has found out first
	}
	b.Version = v
	return err
}

// errNotNow says that a block could not be looked for. That says nothing about the block.
var errNotNow = errors.New("the generation cannot be opened now")

// load reads a block from memory, or from its generation, and looks that it is the one.
func (l *lane) load(r *ref, b *buffer.Block) error {
	decode := func(data []byte) error {
		if err := b.Decode(data, l.log.cfg.DataKeys); err != nil {
			return err
		}
		if b.Lane != l.id || b.First != r.first || b.Count != r.count {
			return fmt.Errorf("%w: another block lies in its place", buffer.ErrDamaged)
		}
		return nil
	}
	if data := r.bytes(); data != nil {
		return decode(data)
	}
	key := blockKey(l.id, r.first, r.count)
	err := r.generation.read(key, decode)
	if !errors.Is(err, errNotOpen) {
		return err
	}
	if err := l.log.readable.open(r.generation, l.log.cfg.Log); err != nil {
		return fmt.Errorf("%w: %w", buffer.ErrDamaged, err)
	}
	return r.generation.read(key, decode)
}
