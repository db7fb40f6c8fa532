package delivery

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"

	"hydrant/buffer"
	"hydrant/stream"
)

// track is a way of a lane's records. Where a stream keeps a backup they go two ways: processed and partitioned to the
// stream's destination, and as they came in to the backup's. Each track has a reader, a ledger, objects, manifests and
// totals of its own, so that a destination which is away holds up nothing but its own objects; what both share is the log,
// whose cursor is the lower one of theirs: a record is settled when it is settled on every track that it takes.
//
// One reader for both would do with less, but would have to stop for the slower destination.
type track int

const (
	mainTrack track = iota
	backupTrack
	functionTrack // of records with a function; see function
)

// The beginnings of the keys of all state that is the other tracks'.
const (
	backupPrefix   = "backup/"
	functionPrefix = "function/"
)

func (t track) key(name string) string {
	switch t {
	case backupTrack:
		return backupPrefix + name
	case functionTrack:
		return functionPrefix + name
	}
	return name
}

// owns reports whether a key of a lane's state is the track's.
func (t track) owns(key string) bool {
	switch {
	case strings.HasPrefix(key, backupPrefix):
		return t == backupTrack
	case strings.HasPrefix(key, functionPrefix):
		return t == functionTrack
	}
	return t == mainTrack
}

// view is a definition as it holds on the track; false where it sends no record there.
func (t track) view(s stream.Stream) (stream.Stream, bool) {
	if t == backupTrack {
		return s.AsBackup()
	}
	return s, true
}

// tracks serves all tracks of one lane.
type tracks struct {
	service *Service
	in      buffer.Lane
	running sync.WaitGroup

	mu       sync.Mutex
	cursors  map[track]buffer.Seq // how far each track that is served is durably settled
	function *function            // nil while no record takes its track
	errs     []error
}

func newTracks(s *Service, in buffer.Lane) *tracks {
	return &tracks{service: s, in: in, cursors: map[track]buffer.Seq{}}
}

// run serves the tracks until ctx ends, or none can go on.
func (t *tracks) run(ctx context.Context) error {
	cursor := t.in.Info().Cursor
	t.join(mainTrack, cursor)
	if t.backsUp() {
		t.startBackup(ctx, cursor)
	}
	if t.transforms() {
		t.startFunction(ctx, cursor)
	}
	t.serve(ctx, mainTrack, cursor)
	t.running.Wait()
	return errors.Join(t.errs...)
}

// serve delivers one track from a cursor on.
func (t *tracks) serve(ctx context.Context, way track, cursor buffer.Seq) {
	if err := t.service.deliver(ctx, t, way, cursor); err != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.errs = append(t.errs, err)
	}
}

// startBackup has the backup of the records above after delivered, unless it is. It returns when the log keeps them for it.
func (t *tracks) startBackup(ctx context.Context, after buffer.Seq) {
	if !t.join(backupTrack, after) {
		return
	}
	t.running.Go(func() { t.serve(ctx, backupTrack, after) })
}

// startFunction has the records above after given to the stream's function, unless they are. It returns when the log keeps
// them for it.
func (t *tracks) startFunction(ctx context.Context, after buffer.Seq) {
	if !t.join(functionTrack, after) {
		return
	}
	f := newFunction(t, after)
	restored := f.restore()
	t.mu.Lock()
	t.function = f
	t.mu.Unlock()
	t.service.beginFunction(f)
	t.running.Go(func() {
		defer close(f.done)
		err := restored
		if err == nil {
			err = f.run(ctx)
		}
		if err == nil || ctx.Err() != nil {
			return
		}
		f.log.Error("the function of this stream is not called any more; its records wait in the buffer", "error", err)
		f.ended(err)
		t.service.noteEnd(f.info.Name, err)
		t.mu.Lock()
		defer t.mu.Unlock()
		t.errs = append(t.errs, err)
	})
}

// join has the log's cursor wait for a track, and reports whether it did not yet.
func (t *tracks) join(way track, cursor buffer.Seq) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, joined := t.cursors[way]; joined {
		return false
	}
	t.cursors[way] = cursor
	return true
}

// leave ends the backup track once no record above the cursor can take it, and reports whether it did.
func (t *tracks) leave() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.backsUp() {
		return false
	}
	delete(t.cursors, backupTrack)
	return true
}

// others is how far all other tracks are settled.
func (t *tracks) others(way track) buffer.Seq { return t.joint(way, math.MaxUint64) }

// backsUp reports whether a record above the log's cursor may take the backup track.
func (t *tracks) backsUp() bool {
	return t.inUse(func(s stream.Stream) bool { return s.Backup != nil })
}

// transforms reports whether a record above the log's cursor may be for a function.
func (t *tracks) transforms() bool {
	return t.inUse(func(s stream.Stream) bool { return s.Transform != nil })
}

// inUse asks each definition that a record above the log's cursor may need. What was derived takes the main track alone.
func (t *tracks) inUse(has func(stream.Stream) bool) bool {
	info := t.in.Info()
	if info.ID.IsDerived() {
		return false
	}
	for _, v := range info.InUse {
		// One that cannot be read is the main track's trouble, which stops there with the whole story.
		if s, err := stream.Decode(v.Data); err == nil && has(s) {
			return true
		}
	}
	return false
}

// transformer is what the lane's records go through to a derived lane, or nil.
func (t *tracks) transformer() *function {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.function
}

// shared reports whether the tracks have cursors that may differ.
func (t *tracks) shared() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.cursors) > 1
}

// joint is the log's cursor when a track has come to own.
func (t *tracks) joint(way track, own buffer.Seq) buffer.Seq {
	t.mu.Lock()
	defer t.mu.Unlock()
	for other, cursor := range t.cursors {
		if other != way {
			own = min(own, cursor)
		}
	}
	return own
}

// reach notes that a track is durably settled up to own.
func (t *tracks) reach(way track, own buffer.Seq) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if before, joined := t.cursors[way]; joined {
		t.cursors[way] = max(before, own)
	}
}

// move makes a change durable that settles the lane's track up to the change's cursor, and moves the log's cursor as far
// as all tracks allow.
func (l *lane) move(ctx context.Context, c buffer.Change) error {
	own := c.Cursor
	c.Cursor = l.tracks.joint(l.track, own)
	if err := l.commit(ctx, c); err != nil {
		return fmt.Errorf("settle up to %d: %w", own, err)
	}
	return l.reached(ctx, own, c.Cursor)
}

// reached tells the other tracks that this one is durably settled up to own. The log's cursor was seen at before: another
// track may have moved since, and have seen this one where it was.
func (l *lane) reached(ctx context.Context, own, before buffer.Seq) error {
	l.tracks.reach(l.track, own)
	if now := l.tracks.joint(l.track, own); now > before {
		defer cursorMoved.Reach()
		return l.commit(ctx, buffer.Change{Cursor: now})
	}
	return nil
}
