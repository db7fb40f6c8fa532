package badgerlog

import (
	"bytes"
	"cmp"
	"errors"
	"slices"
	"time"

	"hydrant/buffer"
)

// Report is what lies in a stopped log's directory.
type Report struct {
	Origin      buffer.Origin
	Generations []GenerationReport // oldest first
	Streams     []StreamReport     // by name; a derived lane follows its source
	Damage      []DamageReport     // what was acknowledged and is lost
	Repaired    []string           // what is damaged and can be read all the same
	Notes       []string           // what a crash left at the end, never acknowledged or lost
}

// DamageReport is one damaged range.
type DamageReport struct {
	StreamID buffer.StreamID // zero where Groups is set
	Stream   string          // name; empty where it is lost, or Groups is set
	Groups   bool            // the range are groups of the log, not records
	New      bool            // the next start will tell of it
	buffer.Damage
}

// GenerationReport is one generation.
type GenerationReport struct {
	ID     uint64
	Closed bool  // in good order
	Disk   int64 // bytes
	Live   int   // blocks that are not settled
}

// StreamReport is one stream's lane.
type StreamReport struct {
	ID       buffer.StreamID
	Name     string
	Derived  bool // the lane holds what was derived from the stream's own
	Versions []VersionReport
	Stats    buffer.StreamStats
	Cursor   buffer.Seq
	Blocks   []BlockReport // above the cursor
	State    []buffer.Entry
}

// VersionReport is one definition in use.
type VersionReport struct {
	buffer.Version
	First buffer.Seq // the first sequence it is in force for
}

// BlockReport is one block of the index.
type BlockReport struct {
	First, Last buffer.Seq
	Bytes       int // of the payload before compression
	Arrival     time.Time
	Generation  uint64
	Key         buffer.DataKeyID `json:",omitzero"` // that it is encrypted with
}

// Inspect reads the log in dir and changes nothing there. The node must be stopped.
func Inspect(dir string) (r *Report, err error) {
	id, err := readIdentity(dir)
	if err != nil {
		return nil, err
	}
	lock, err := acquire(dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	m, err := load(dir, untold)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.release()) }()
	r = &Report{Repaired: m.repaired, Notes: m.notes}
	if r.Origin, err = id.origin(); err != nil {
		return nil, err
	}
	l := newLog(Config{Dir: dir, Log: discardLog}, lock)
	news := l.adopt(m)
	for _, g := range l.gens {
		r.Generations = append(r.Generations, GenerationReport{
			ID: g.id, Closed: g.state == sealed, Disk: g.allocated.Load(), Live: int(g.live.Load()),
		})
	}
	r.Damage = l.damageReport(news)
	lanes := slices.SortedFunc(l.allLanes(), func(a, b *lane) int {
		return cmp.Or(cmp.Compare(a.name, b.name), bytes.Compare(a.id.Stream[:], b.id.Stream[:]), cmp.Compare(a.id.Number, b.id.Number))
	})
	for _, lane := range lanes {
		r.Streams = append(r.Streams, lane.report())
	}
	return r, nil
}

func (l *Log) damageReport(news []change) (out []DamageReport) {
	untold := keysOf(news)
	for id, ranges := range l.damage {
		for _, d := range ranges {
			r := DamageReport{StreamID: id.Stream, Groups: id == logLane, New: untold[damageChange(id, d).stateKey], Damage: d}
			if lane := l.lane(id); lane != nil {
				r.Stream = lane.name
			}
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b DamageReport) int {
		return cmp.Or(cmp.Compare(a.Stream, b.Stream), bytes.Compare(a.StreamID[:], b.StreamID[:]), cmp.Compare(a.From, b.From))
	})
	return out
}

func (l *lane) report() StreamReport {
	r := StreamReport{ID: l.id.Stream, Name: l.name, Derived: l.id.IsDerived(), Stats: l.stats(), Cursor: l.cursor}
	for _, v := range l.versions {
		r.Versions = append(r.Versions, VersionReport{v.Version, v.first})
	}
	for _, b := range l.refs {
		block := BlockReport{First: b.first, Last: b.last(), Bytes: b.raw, Arrival: time.UnixMilli(b.arrival), Generation: b.generation.id}
		if v := l.versionAt(b.first); v != nil {
			block.Key = v.Key
		}
		r.Blocks = append(r.Blocks, block)
	}
	for key, value := range l.State() {
		r.State = append(r.State, buffer.Entry{Key: key, Value: value})
	}
	return r
}
