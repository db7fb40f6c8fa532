package badgerlog

import (
	"errors"
	"time"

	"hydrant/buffer"
)

// Records of a stream whose definition names a data key are encrypted when their block is packed, and opened each time it is
// read: neither the disk nor what is kept of the newest blocks holds them in plain. Everything between, from group to
// rewriting, works on blocks as they are stored and needs no key.

// keyLook is the pause between two looks for a data key that cannot be had.
const keyLook = 200 * time.Millisecond

// noKeys are the data keys of a log that was given none.
type noKeys struct{}

func (noKeys) Key(id buffer.DataKeyID) (*buffer.DataKey, error) {
	return nil, &buffer.DataKeyError{ID: id, Code: buffer.KeyNotFound, Reason: "no keys are given"}
}

// dataKey is what the lane's next record is encrypted with; nil for nothing. Called with Log.mu held.
func (l *lane) dataKey() (*buffer.DataKey, error) {
	if l.key == 0 {
		return nil, nil
	}
	return l.log.cfg.DataKeys.Key(l.key)
}

// NeededKeys implements buffer.Log.
func (l *Log) NeededKeys() map[buffer.DataKeyID]bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	keys := map[buffer.DataKeyID]bool{}
	for lane := range l.locking {
		needed, _ := lane.versionsInUse()
		for _, v := range needed {
			if v.Key != 0 {
				keys[v.Key] = true
			}
		}
	}
	return keys
}

// prepareKey makes sure that the log may have records under a data key.
func (l *Log) prepareKey(id buffer.DataKeyID) error {
	if id == 0 {
		return nil
	}
	if _, err := l.cfg.DataKeys.Key(id); err != nil {
		return err
	}
	l.marking.Lock()
	defer l.marking.Unlock()
	return markEncrypted(l.cfg.Dir)
}

// lacksKey reports whether err, which came of reading the block that is next, is for want of its data key, and notes that.
func (l *lane) lacksKey(err error) bool {
	var missing *buffer.DataKeyError
	errors.As(err, &missing)
	l.mu.Lock()
	before := l.locked
	l.locked = nil
	if missing != nil {
		l.locked = missing
	}
	l.mu.Unlock()
	switch {
	case missing != nil && before == nil:
		l.log.cfg.Log.Error("a stream waits for its data key: nothing is lost", "stream", l.name, "reason", missing)
	case missing == nil && before != nil:
		l.log.cfg.Log.Info("a stream has its data key again", "stream", l.name)
	}
	return missing != nil
}
