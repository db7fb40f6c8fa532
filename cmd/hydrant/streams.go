package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"hydrant/buffer"
	"hydrant/gateway/ingest"
	"hydrant/partitioner"
	"hydrant/stream"
)

// streamSet brings the streams of the configuration file, those made through the API and those that the log knows
// together, and tells the gateway and delivery. Changes from both sides wait for each other.
type streamSet struct {
	log     buffer.Log
	logger  *slog.Logger
	catalog *ingest.Catalog
	current atomic.Pointer[map[string]stream.Stream]

	discard func(buffer.StreamID) // has delivery give a stream up
	hasten  func(buffer.StreamID) // has delivery wait for nothing
	calm    func(buffer.StreamID) // has it wait again; nil where nobody delivers yet

	counted func(streams int) // is told how many there are; nil where nobody asks

	keys   dataKeys
	locked atomic.Pointer[map[string]*buffer.DataKeyError] // streams that wait for a data key

	changing   sync.Mutex
	silent     map[string]*buffer.DataKeyError // master keys that were asked in vain in this change
	configured []stream.Stream                 // of the file
	made       []stream.Stream                 // through the API
}

// Current returns the definition in force now.
func (s *streamSet) Current(name string) (stream.Stream, bool) {
	current := s.current.Load()
	if current == nil {
		return stream.Stream{}, false
	}
	d, ok := (*current)[name]
	return d, ok
}

// idOf finds a stream that takes records.
func (s *streamSet) idOf(name string) (buffer.StreamID, error) {
	if _, taken := s.Current(name); taken {
		for _, k := range s.living() {
			if k.Name == name {
				return k.ID, nil
			}
		}
	}
	return buffer.StreamID{}, fmt.Errorf("there is no stream %q that takes records", name)
}

// configure puts the streams of the configuration file in force, in place of those that it had before.
func (s *streamSet) configure(ctx context.Context, configured []stream.Stream) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	return s.apply(ctx, configured, s.made)
}

// apply puts the definitions in force: a new stream gets its incarnation, a changed one its next version. Streams that
// the log knows and that are not defined any more take no more records and are delivered under their last definition.
// The file's definition of a name goes before the API's. A stream for which no data key can be had keeps the definition that
// it had and takes no records until there is one. Called with changing held.
func (s *streamSet) apply(ctx context.Context, configured, made []stream.Stream) error {
	left, err := s.known()
	if err != nil {
		return err
	}
	s.silent = map[string]*buffer.DataKeyError{}
	prepared, current, err := s.prepareAll(ctx, left, slices.Concat(configured, made))
	if err != nil {
		return err
	}
	s.define(ctx, prepared)
	var entries []ingest.Stream
	locked := map[string]*buffer.DataKeyError{}
	for _, p := range prepared {
		if missing := p.locked(); missing != nil {
			locked[p.stream.Name] = missing
		} else if p.err != nil {
			return fmt.Errorf("put stream %s in force: %w", p.stream.Name, p.err)
		}
		entry := p.entry()
		if s.calm != nil { // it may have been taken over while it was drained
			s.calm(entry.ID)
		}
		entries = append(entries, entry)
	}
	for _, k := range left {
		entries = append(entries, ingest.Stream{ID: k.ID, Name: k.Name})
		s.tellUndefined(k.Name)
	}
	s.configured, s.made = configured, made
	s.noteLocked(locked)
	s.current.Store(&current)
	s.catalog.Set(entries)
	if s.counted != nil {
		s.counted(len(entries))
	}
	return nil
}

// known are the streams that the log has, by name.
func (s *streamSet) known() (map[string]buffer.Stream, error) {
	known := map[string]buffer.Stream{}
	for _, k := range s.living() {
		if err := checkLogic(k); err != nil {
			return nil, err
		}
		known[k.Name] = k
	}
	return known, nil
}

// prepareAll prepares the definitions, the first one of each name, and takes their streams out of known. What is left there
// is not defined any more.
func (s *streamSet) prepareAll(ctx context.Context, known map[string]buffer.Stream, all []stream.Stream) ([]*definition, map[string]stream.Stream, error) {
	current := map[string]stream.Stream{}
	var prepared []*definition
	for _, d := range all {
		if _, shadowed := current[d.Name]; shadowed {
			s.logger.Warn("a stream made through the API is not served: the configuration file defines one of its name", "stream", d.Name)
			continue
		}
		gone, err := s.finishFormer(ctx, known, d)
		if err != nil {
			return nil, nil, fmt.Errorf("finish the stream that was called %s before: %w", d.Name, err)
		}
		if !gone {
			continue // it is told as not defined any more
		}
		prepared = append(prepared, s.prepare(ctx, known[d.Name], d))
		current[d.Name] = d
		delete(known, d.Name)
	}
	return prepared, current, nil
}

// tellUndefined tells once that a stream is not defined any more.
func (s *streamSet) tellUndefined(name string) {
	if _, dropped := s.Current(name); !dropped && s.current.Load() != nil {
		return // told before
	}
	s.logger.Warn("a stream is not defined any more: it takes no records, and what it holds is delivered", "stream", name)
}

// catalogEntry is a stream as the gateway knows it.
func catalogEntry(id buffer.StreamID, d stream.Stream, key buffer.DataKeyID) ingest.Stream {
	return ingest.Stream{
		ID: id, Name: d.Name, Accepting: true, Encrypted: key != 0, JSON: d.RecordForm == stream.FormJSON,
		Quota: ingest.Quota{
			Records: d.Quota.Records, Bytes: int64(d.Quota.Bytes), Requests: d.Quota.Requests, Partial: d.Quota.Partial,
		},
	}
}

// checkLogic refuses versions that were written for a newer program: their records would go to other partitions.
func checkLogic(s buffer.Stream) error {
	for _, v := range s.InUse {
		if v.Logic > partitioner.Logic {
			return fmt.Errorf("stream %s holds records of version %d, which needs partitioner logic %d; this program knows up to %d: start a newer one",
				s.Name, v.Number, v.Logic, partitioner.Logic)
		}
	}
	return nil
}
