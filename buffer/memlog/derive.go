package memlog

import (
	"errors"
	"fmt"
	"slices"

	"hydrant/buffer"
)

// served are all lanes, derived ones behind their sources. Called with mu held.
func (l *Log) served() (out []*lane) {
	for _, s := range l.lanes {
		out = append(out, s)
		if s.derived != nil {
			out = append(out, s.derived)
		}
	}
	return out
}

// withDerived adds the versions that a derived lane needs beside its source's.
func (s *lane) withDerived(inUse []buffer.Version) []buffer.Version {
	if s.derived == nil {
		return inUse
	}
	for _, v := range s.derived.needed() {
		if !slices.ContainsFunc(inUse, func(u buffer.Version) bool { return u.Number == v.Number }) {
			inUse = append(inUse, v)
		}
	}
	slices.SortFunc(inUse, func(a, b buffer.Version) int { return int(int64(a.Number) - int64(b.Number)) })
	return inUse
}

// derive appends to the derived lane. Called with mu held.
func (s *lane) derive(d *buffer.Derivation) error {
	if d == nil {
		return nil
	}
	to := s.derived
	switch {
	case len(d.Records) == 0:
		return errors.New("a derivation needs a record")
	case to == nil:
		return fmt.Errorf("stream %s was not defined to derive records", s.name)
	}
	for _, r := range d.Records {
		if len(r.Data) > buffer.MaxDerived {
			return fmt.Errorf("a derived record of %d bytes: the buffer takes at most %d", len(r.Data), buffer.MaxDerived)
		}
	}
	n := len(to.versions)
	if n > 0 && d.Version.Number < to.versions[n-1].Number {
		return fmt.Errorf("records of version %d are derived after some of version %d", d.Version.Number, to.versions[n-1].Number)
	}
	if n == 0 || d.Version.Number > to.versions[n-1].Number {
		to.versions = append(to.versions, version{d.Version, to.next})
	}
	for _, r := range d.Records {
		to.records = append(to.records, record{to.next, r.Arrival, slices.Clone(r.Data)})
		to.next++
		to.stats.Accepted++
		to.stats.AcceptedBytes += int64(len(r.Data))
	}
	return nil
}
