package delivery

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// RecordKeeper is a Destination that keeps small records beside its objects, where no reader takes them for one. All
// methods may run at once. Errors that are not named here are *Error.
type RecordKeeper interface {
	// LoadRecord returns a record and a tag that changes with every StoreRecord: ErrNotExist if there is none.
	LoadRecord(ctx context.Context, name string) (data []byte, tag string, err error)

	// StoreRecord replaces the record with that tag, or makes the first one where tag is empty. ErrExists: somebody else
	// stored one meanwhile. A store without conditions overwrites; its callers load again to see who won.
	StoreRecord(ctx context.Context, name, tag string, data []byte) error

	// RecordPlace says where a record lies, in words for who has to remove it.
	RecordPlace(name string) string
}

// Times of leases. Nobody's wall clock counts: whether a lease is alive shows in its renewals.
const (
	renewEvery = 10 * time.Second // while uploads go on
	leaseTTL   = 30 * time.Second // seen without a renewal for so long, a lease is dead
)

// LeaseRecord says which life of a log delivers to a destination.
type LeaseRecord struct {
	Log      string `json:"log"`   // the incarnation
	Epoch    uint64 `json:"epoch"` // of the life; raised at each start
	Life     string `json:"life"`  // random
	Node     string `json:"node"`  // name and place, for the operator
	Renewals uint64 `json:"renewals"`
	Released bool   `json:"released"` // its life has ended in order

	// Store is random and stays: it tells the store from others, by whatever name it is reached.
	Store string `json:"store,omitempty"`
}

// LeaseError says that another life of the same log delivers to a destination: one of the two data directories is a copy of
// the other. Nothing is uploaded, and the stream stops.
type LeaseError struct {
	Place       string // of the destination
	Record      string // where the lease lies there
	Ours, Other LeaseRecord
}

func (e *LeaseError) Error() string {
	return fmt.Sprintf("node %s, epoch %d, delivers to %s from the same buffer as this one (%s, epoch %d): one data directory is a "+
		"copy of the other or an old backup. Stop the node that is the copy, and give it an empty data directory. If this one shall go on "+
		"and the other is gone for good, remove %s and restart: what the other delivered since the "+
		"copy was taken may then be delivered twice", e.Other.Node, e.Other.Epoch, e.Place, e.Ours.Node, e.Ours.Epoch, e.Record)
}

// lease is one life's claim on a destination. It is renewed before an upload that comes renewEvery after the last renewal;
// an idle node sends nothing.
type lease struct {
	keeper RecordKeeper
	place  string
	ours   LeaseRecord
	now    func() time.Time

	held    bool
	store   string // where it is held
	renewed time.Time
	seen    LeaseRecord // another life's, lower than ours
	seenAt  time.Time
	lost    *LeaseError
}

// hold makes sure that the lane's log holds the target's lease.
func (t *target) hold(ctx context.Context, l *lane) error {
	keeper, ok := t.destination.(RecordKeeper)
	if !ok {
		return nil
	}
	if t.lease == nil {
		t.lease = &lease{keeper: keeper, place: t.definition.Place(), now: time.Now, ours: LeaseRecord{
			Log:   fmt.Sprintf("%x", l.info.Origin.Log),
			Epoch: l.info.Origin.Epoch,
			Life:  t.service.life,
			Node:  t.service.cfg.Node,
		}}
	}
	return t.lease.check(ctx, t.service.refused.at(t.lease.place))
}

// check returns nil while the lease is ours. refused says that this data directory was found to be a copy: it waits for the
// operator's word then, however often it starts.
func (l *lease) check(ctx context.Context, refused bool) error {
	if l.lost != nil {
		return l.lost
	}
	if l.held && l.now().Sub(l.renewed) < renewEvery {
		return nil
	}
	const attempts = 3 // others of this process may renew the same record
	for range attempts {
		other, tag, err := l.load(ctx)
		if err != nil {
			return err
		}
		if err := l.judge(other, tag != "", refused); err != nil {
			return err
		}
		err = l.write(ctx, tag, other)
		if !errors.Is(err, ErrExists) {
			return err
		}
	}
	return l.trouble("another node takes it at the same time")
}

// load returns the record as it is, and an empty tag where there is none.
func (l *lease) load(ctx context.Context) (r LeaseRecord, tag string, err error) {
	data, tag, err := l.keeper.LoadRecord(ctx, l.ours.Log)
	if errors.Is(err, ErrNotExist) {
		return r, "", nil
	}
	if err != nil {
		return r, "", err
	}
	if err := json.Unmarshal(data, &r); err != nil || r.Log != l.ours.Log {
		return r, "", l.trouble(fmt.Sprintf("it is not readable; remove %s if no other node uses it (%.100q)", l.keeper.RecordPlace(l.ours.Log), data))
	}
	return r, tag, nil
}

// judge decides whether the lease may be taken, or taken over.
func (l *lease) judge(other LeaseRecord, exists, refused bool) error {
	switch {
	case !exists, other.Life == l.ours.Life:
		return nil
	case other.Epoch >= l.ours.Epoch, refused:
		return l.lose(other)
	case other.Node == l.ours.Node, other.Released, l.held:
		return nil // the same place's earlier life, which the data directory's lock says is over
	case l.seen.Life != other.Life:
		l.seen, l.seenAt = other, l.now()
	case l.seen.Renewals != other.Renewals:
		return l.lose(other) // it lives
	case l.now().Sub(l.seenAt) >= leaseTTL:
		return nil
	}
	return l.trouble(fmt.Sprintf("node %s may still hold it: waiting %v for a sign of life", other.Node, leaseTTL))
}

func (l *lease) lose(other LeaseRecord) error {
	l.lost = &LeaseError{Place: l.place, Record: l.keeper.RecordPlace(l.ours.Log), Ours: l.ours, Other: other}
	return l.lost
}

// write puts our record in the place of the one that was there.
func (l *lease) write(ctx context.Context, tag string, before LeaseRecord) error {
	started := l.now()
	record := l.ours
	record.Renewals = before.Renewals + 1
	record.Store = cmp.Or(before.Store, rand.Text())
	data, err := json.Marshal(record)
	if err != nil {
		return err
	}
	if err := l.keeper.StoreRecord(ctx, l.ours.Log, tag, data); err != nil {
		return err
	}
	l.held, l.renewed, l.store = true, started, record.Store
	return nil
}

// release says that this life is over. Without it the next one, elsewhere, waits for leaseTTL.
func (l *lease) release(ctx context.Context) {
	if !l.held || l.lost != nil {
		return
	}
	other, tag, err := l.load(ctx)
	if err != nil || other.Life != l.ours.Life {
		return
	}
	l.ours.Released = true
	_ = l.write(ctx, tag, other) // only saves time
}

func (l *lease) trouble(what string) error {
	return &Error{Op: "lease", Key: l.place, Class: Held, Refused: true, Err: errors.New(what)}
}
