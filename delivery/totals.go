package delivery

import (
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"hydrant/buffer"
)

// Totals are a track's books since its creation, counted in outputs. They are stored with the cursor and the delivered
// marks, in the same group, and so survive a restart:
//
//	accepted + Expanded = Delivered + all of Errors + Dropped + Quarantined + Discarded + pending
//
// A record that processing makes many of counts as pending, once, until the first of its outputs is settled; each of the
// others is counted on both sides when it is settled itself. So the books hold at every moment.
//
// That holds for the main track. A backup's copies are counted apart: it has Delivered, Bytes and Objects alone, since the
// backup began.
type Totals struct {
	Delivered int64            `json:"delivered"` // records in data objects
	Bytes     int64            `json:"bytes"`     // of them, uncompressed
	Objects   int64            `json:"objects"`   // of data and of error output
	Errors    map[string]int64 `json:"errors,omitempty"`
	Expanded  int64            `json:"expanded,omitempty"` // outputs settled that are more than the one of their record
	Dropped   int64            `json:"dropped,omitempty"`  // records of which processing leaves nothing

	Quarantined int64 `json:"quarantined,omitempty"` // records lost to damage of the buffer
	Discarded   int64 `json:"discarded,omitempty"`   // given up with the stream
	Spared      int64 `json:"spared,omitempty"`      // delivered, and damaged since in a range that the cursor has not passed

	Cursor buffer.Seq `json:"cursor,omitempty"` // of the track, where another one may hold the log's cursor back
}

const totalsKey = "totals"

func (t *Totals) add(o *object) {
	t.Objects++
	t.Expanded += o.extra
	if o.failure == "" {
		t.Delivered += o.outputs
		t.Bytes += o.bytes
		return
	}
	if t.Errors == nil {
		t.Errors = map[string]int64{}
	}
	t.Errors[o.failure] += o.outputs
}

// Settled is how many of the records accepted are not pending any more.
func (t *Totals) Settled() int64 {
	n := t.Delivered + t.Dropped + t.Quarantined + t.Discarded - t.Expanded
	for _, errors := range t.Errors {
		n += errors
	}
	return n
}

func (l *lane) totalsEntry() buffer.Entry {
	data, err := json.Marshal(&l.totals)
	if err != nil {
		panic("delivery: totals are always JSON: " + err.Error()) // numbers only
	}
	return buffer.Entry{Key: l.track.key(totalsKey), Value: data}
}

func (t *Totals) decode(data []byte) error {
	if err := json.Unmarshal(data, t); err != nil {
		return fmt.Errorf("the totals are damaged: %w", err)
	}
	return nil
}

// Books returns each stream's totals as they are on disk, by name.
func (s *Service) Books() map[string]Totals {
	s.mu.Lock()
	defer s.mu.Unlock()
	byStream := make(map[buffer.StreamID]Totals, len(s.lanes))
	names := make(map[buffer.StreamID]string, len(s.lanes))
	for key, l := range s.lanes {
		if key.track == mainTrack {
			byStream[key.id.Stream] = byStream[key.id.Stream].plus(l.books())
			if s.functions[key.id] == nil {
				byStream[key.id.Stream] = byStream[key.id.Stream].plus(l.pastFunction().totals())
			}
			names[key.id.Stream] = l.info.Name
		}
	}
	for id, f := range s.functions {
		byStream[id.Stream] = byStream[id.Stream].plus(f.books().totals())
		names[id.Stream] = f.info.Name
	}
	out := make(map[string]Totals, len(byStream))
	for id, t := range byStream {
		out[names[id]] = t
	}
	return out
}

// plus is the sum of the books of two of a stream's lanes.
func (t Totals) plus(o Totals) Totals {
	sum := Totals{
		Delivered: t.Delivered + o.Delivered, Bytes: t.Bytes + o.Bytes, Objects: t.Objects + o.Objects,
		Errors: maps.Clone(t.Errors), Expanded: t.Expanded + o.Expanded, Dropped: t.Dropped + o.Dropped,
		Quarantined: t.Quarantined + o.Quarantined, Discarded: t.Discarded + o.Discarded, Spared: t.Spared + o.Spared,
		Cursor: max(t.Cursor, o.Cursor),
	}
	if sum.Errors == nil && len(o.Errors) > 0 {
		sum.Errors = map[string]int64{}
	}
	for kind, n := range o.Errors {
		sum.Errors[kind] += n
	}
	return sum
}

// Active is how many partitions of each stream are open.
func (s *Service) Active() map[string]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]int64{}
	for key, l := range s.lanes {
		if key.track == mainTrack {
			out[l.info.Name] += l.active.Load()
		}
	}
	return out
}

// Backup is how far the backup of a stream is.
type Backup struct {
	Totals
	Pending int64 // sequences above its cursor
}

// Backups returns each stream's backup, as it is on disk, by the stream's name.
func (s *Service) Backups() map[string]Backup {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]Backup{}
	for key, l := range s.lanes {
		if key.track != backupTrack {
			continue
		}
		b := Backup{Totals: l.books()}
		b.Pending = int64(l.in.Info().Head - max(b.Cursor, l.after))
		out[l.info.Name] = b
	}
	return out
}

func (l *lane) books() Totals {
	l.shared.Lock()
	defer l.shared.Unlock()
	return l.shared.totals
}

// pastFunction are the books of the function that the lane's records went to before this life. It may be served again by now.
func (l *lane) pastFunction() FunctionTotals {
	l.shared.Lock()
	defer l.shared.Unlock()
	return l.shared.past
}

func (l *lane) publishTotals() {
	t := l.totals
	t.Errors = maps.Clone(t.Errors)
	l.shared.Lock()
	l.shared.totals, l.shared.past = t, l.past
	l.shared.Unlock()
	if f := l.tracks.transformer(); f != nil && l.track == mainTrack {
		f.booksChanged()
	}
}

// troubled, recovered and ended keep what Health tells.
func (l *lane) troubled(err error) {
	l.shared.Lock()
	defer l.shared.Unlock()
	if l.shared.trouble == nil {
		l.shared.trouble = &Trouble{Stream: l.info.Name, Backup: l.track == backupTrack, Since: time.Now()}
	}
	l.shared.trouble.Reason = err.Error()
	if l.track == backupTrack {
		l.shared.trouble.Reason = "backup: " + err.Error()
	}
}

func (l *lane) recovered() {
	if t := l.forgetTrouble(); t != nil {
		l.tellRecovery(t)
	}
}

// forgetTrouble returns the trouble that is over; nil if there was none, or it is for good.
func (l *lane) forgetTrouble() *Trouble {
	l.shared.Lock()
	defer l.shared.Unlock()
	t := l.shared.trouble
	if t == nil || t.Stopped {
		return nil
	}
	l.shared.trouble = nil
	return t
}

func (l *lane) ended(err error, cancelled bool) {
	if err == nil || cancelled {
		return
	}
	l.troubled(err)
	l.shared.Lock()
	defer l.shared.Unlock()
	l.shared.trouble.Stopped = true
}

func (l *lane) trouble() *Trouble {
	l.shared.Lock()
	defer l.shared.Unlock()
	if l.shared.trouble == nil {
		return nil
	}
	t := *l.shared.trouble
	return &t
}
