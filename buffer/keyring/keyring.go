// Package keyring keeps the data keys of a log: each is random, made for one stream, and kept in the data directory in a form
// that only its master key opens. The master keys are elsewhere: in a file of the operator's, or in a KMS.
//
// The order is: a data key is written down and synced before anything is encrypted with it, and is forgotten only when no
// block needs it any more.
package keyring

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"hydrant/buffer"
)

// Master wraps data keys.
type Master interface {
	// New returns a new secret, and the form in which it may be kept. It is bound to the data key's id.
	New(ctx context.Context, id buffer.DataKeyID) (secret, wrapped []byte, err error)

	// Open returns the secret that New wrapped. Where another master key should wrap it from now on, rewrapped is that form.
	Open(ctx context.Context, id buffer.DataKeyID, wrapped []byte) (secret, rewrapped []byte, err error)
}

// Masters finds master keys by the names that streams call them by. Errors of all are of type *buffer.DataKeyError where they
// say what is wrong with the key.
type Masters func(name string) (Master, error)

// Config says where the keys are.
type Config struct {
	Dir     string // of the file with the wrapped keys and its copy; it exists
	Masters Masters
	Log     *slog.Logger
}

// Ring implements buffer.DataKeys. Its methods may be called from many goroutines at once.
type Ring struct {
	cfg Config

	changing sync.Mutex // of the file; held while master keys are asked
	file     file
	unread   error // why the file is not known

	mu      sync.RWMutex
	open    map[buffer.DataKeyID]*buffer.DataKey
	missing map[buffer.DataKeyID]*buffer.DataKeyError
}

// New returns a ring that knows no key yet.
func New(cfg Config) *Ring {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Ring{
		cfg:     cfg,
		open:    map[buffer.DataKeyID]*buffer.DataKey{},
		missing: map[buffer.DataKeyID]*buffer.DataKeyError{},
	}
}

// Open reads the wrapped keys and opens those that it can, within a few seconds. It does not fail for those that it cannot:
// Run goes on trying. The directory must be this process's alone by then.
func (r *Ring) Open(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, openPatience)
	defer cancel()
	r.changing.Lock()
	defer r.changing.Unlock()
	r.read()
	r.openAll(ctx)
}

const (
	openPatience = 5 * time.Second // of a start, for all keys together
	askPatience  = 10 * time.Second
	firstRetry   = 500 * time.Millisecond
	lastRetry    = 15 * time.Second
)

// Key implements buffer.DataKeys.
func (r *Ring) Key(id buffer.DataKeyID) (*buffer.DataKey, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if key := r.open[id]; key != nil {
		return key, nil
	}
	if e := r.missing[id]; e != nil {
		return nil, e
	}
	return nil, &buffer.DataKeyError{
		ID: id, Code: buffer.KeyNotFound,
		Reason: fmt.Sprintf("neither %s nor %s in %s has it: put one of them back from a backup", fileName, copyName, r.cfg.Dir),
	}
}

// Make makes a data key that a master key wraps, with an id above all that the ring had and above used. It is durable on
// return.
func (r *Ring) Make(ctx context.Context, master string, used buffer.DataKeyID) (buffer.DataKeyID, error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	if r.unread != nil {
		return 0, &buffer.DataKeyError{Code: buffer.KeyInvalidState, Reason: r.unread.Error()}
	}
	ctx, cancel := context.WithTimeout(ctx, askPatience)
	defer cancel()
	id := max(r.file.Last, used) + 1
	if id == 0 {
		return 0, &buffer.DataKeyError{Code: buffer.KeyInvalidState, Reason: "there is no id left for a data key: " + fileName + " names the last one there can be"}
	}
	m, err := r.cfg.Masters(master)
	if err != nil {
		return 0, asKeyError(0, err)
	}
	secret, wrapped, err := m.New(ctx, id)
	if err != nil {
		return 0, asKeyError(0, err)
	}
	key, err := buffer.NewDataKey(id, secret)
	clear(secret)
	if err != nil {
		return 0, err
	}
	next := r.file.clone()
	next.Last = id
	next.Keys = append(next.Keys, wrappedKey{ID: id, Master: master, Wrapped: wrapped, Made: time.Now().UTC().Truncate(time.Second)})
	if err := r.write(next); err != nil {
		return 0, fmt.Errorf("keep a data key: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open[id] = key
	return id, nil
}

// Try reports whether a master key can wrap data keys now.
func (r *Ring) Try(ctx context.Context, master string) error {
	ctx, cancel := context.WithTimeout(ctx, askPatience)
	defer cancel()
	m, err := r.cfg.Masters(master)
	if err == nil {
		_, _, err = m.New(ctx, 0)
	}
	if err != nil {
		return asKeyError(0, err)
	}
	return nil
}

// Keep forgets every data key but those that are needed.
func (r *Ring) Keep(needed map[buffer.DataKeyID]bool) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	next := r.file.clone()
	next.Keys = slices.DeleteFunc(next.Keys, func(k wrappedKey) bool { return !needed[k.ID] })
	if r.unread != nil || len(next.Keys) == len(r.file.Keys) {
		return nil
	}
	before := r.file.Keys
	if err := r.write(next); err != nil {
		return fmt.Errorf("forget data keys: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range before {
		if !needed[k.ID] {
			delete(r.open, k.ID)
			delete(r.missing, k.ID)
			r.cfg.Log.Info("a data key is forgotten: nothing is encrypted with it any more", "key", k.ID)
		}
	}
	return nil
}

// Missing are the data keys that are kept and cannot be opened now, in the order of their ids.
func (r *Ring) Missing() (missing []*buffer.DataKeyError) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, e := range r.missing {
		missing = append(missing, e)
	}
	slices.SortFunc(missing, func(a, b *buffer.DataKeyError) int { return int(int64(a.ID) - int64(b.ID)) })
	return missing
}

// Run opens what could not be opened before, until ctx ends. lacking reports whether somebody needs a key that the ring does
// not know at all: then the file is read anew.
func (r *Ring) Run(ctx context.Context, lacking func() bool) {
	wait := firstRetry
	for {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
		if r.again(ctx, lacking) {
			wait = firstRetry
			continue
		}
		wait = min(2*wait, lastRetry)
	}
}

// again makes one more attempt and reports whether all is well.
func (r *Ring) again(ctx context.Context, lacking func() bool) bool {
	r.changing.Lock()
	defer r.changing.Unlock()
	if r.unread != nil || lacking() {
		r.read()
	}
	if len(r.Missing()) > 0 {
		ctx, cancel := context.WithTimeout(ctx, askPatience)
		defer cancel()
		r.openAll(ctx)
	}
	return r.unread == nil && len(r.Missing()) == 0
}

// openAll asks the master keys for what is not open. Called with changing held.
func (r *Ring) openAll(ctx context.Context) {
	next, changed := r.file.clone(), false
	for i := range next.Keys {
		k := &next.Keys[i]
		if r.isOpen(k.ID) {
			continue
		}
		key, rewrapped, err := r.openOne(ctx, k)
		if err == nil && rewrapped != nil {
			k.Wrapped, changed = rewrapped, true
		}
		r.note(k.ID, key, err)
	}
	if !changed {
		return
	}
	if err := r.write(next); err != nil {
		r.cfg.Log.Warn("data keys could not be wrapped by the new master key: the old one is needed further on", "reason", err)
		return
	}
	r.cfg.Log.Info("data keys are wrapped by the new master key: the old one is not needed for them any more")
}

func (r *Ring) isOpen(id buffer.DataKeyID) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.open[id] != nil
}

func (r *Ring) openOne(ctx context.Context, k *wrappedKey) (*buffer.DataKey, []byte, error) {
	m, err := r.cfg.Masters(k.Master)
	if err != nil {
		return nil, nil, err
	}
	secret, rewrapped, err := m.Open(ctx, k.ID, k.Wrapped)
	if err != nil {
		return nil, nil, err
	}
	defer clear(secret)
	key, err := buffer.NewDataKey(k.ID, secret)
	return key, rewrapped, err
}

// note tells once of a key that is missing, and once that it is back.
func (r *Ring) note(id buffer.DataKeyID, key *buffer.DataKey, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.missing[id]
	delete(r.missing, id)
	if err == nil {
		r.open[id] = key
		if before != nil {
			r.cfg.Log.Info("a data key is back", "key", id)
		}
		return
	}
	now := asKeyError(id, err)
	r.missing[id] = now
	if before == nil || before.Reason != now.Reason {
		r.cfg.Log.Error("a data key cannot be opened: the streams that it belongs to hold, and go on when it can", "key", id, "reason", now.Reason)
	}
}

// asKeyError is an error with the key that it is about.
func asKeyError(id buffer.DataKeyID, err error) *buffer.DataKeyError {
	out := buffer.DataKeyError{Code: buffer.KeyUnreachable, Reason: err.Error()}
	var e *buffer.DataKeyError
	if errors.As(err, &e) {
		out = *e
	}
	out.ID = id
	return &out
}
