package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"hydrant/buffer"
	"hydrant/delivery"
	"hydrant/gateway/firehose/control"
	"hydrant/partitioner"
	"hydrant/stream"
)

// tombstone is the last definition of a stream that was deleted. It is in the log, so that a stream created again under
// the name is another one, whatever else is lost.
var tombstone = []byte(`{"deleted":true}`)

func isDeleted(s buffer.Stream) bool { return bytes.Equal(s.Current.Data, tombstone) }

// living are the log's streams less those that were deleted.
func (s *streamSet) living() []buffer.Stream {
	return slices.DeleteFunc(s.log.Streams(), isDeleted)
}

// discardDeleted has delivery give up what streams hold that were deleted in another life of the node.
func (s *streamSet) discardDeleted() {
	for _, k := range s.log.Streams() {
		if isDeleted(k) {
			s.discard(k.ID)
		}
	}
}

// finishFormer reports whether the name is free for a definition: what the log knows under it is the same stream, or an
// earlier one of which nothing is left. A node that was away while a stream was deleted and made again delivers what it
// holds of the first before it serves the second. Called with changing held.
func (s *streamSet) finishFormer(ctx context.Context, known map[string]buffer.Stream, d stream.Stream) (gone bool, err error) {
	former, ok := known[d.Name]
	if !ok || d.Incarnation == "" {
		return true, nil
	}
	before, err := stream.Decode(former.Current.Data)
	if err != nil || before.Incarnation == "" || before.Incarnation == d.Incarnation {
		return err == nil, err
	}
	found, taking := s.catalog.Lookup([]byte(d.Name))
	taking = taking && found.ID == former.ID && found.Accepting // until this change is in force
	if taking || s.catalog.Appending(d.Name) > 0 || s.log.Stats().Streams[former.ID].Pending > 0 {
		if s.hasten != nil { // delivery runs
			s.hasten(former.ID)
		}
		return false, nil
	}
	if err := s.bury(ctx, former); err != nil {
		return false, err
	}
	delete(known, d.Name)
	return true, nil
}

// bury marks a stream as deleted, for ever, and has delivery give up what it holds.
func (s *streamSet) bury(ctx context.Context, k buffer.Stream) error {
	if _, err := s.log.Define(ctx, buffer.Definition{Stream: k.ID, Name: k.Name, Logic: partitioner.LogicOf(stream.Stream{}), Data: tombstone}); err != nil {
		return fmt.Errorf("mark stream %s as deleted: %w", k.Name, err)
	}
	if s.discard != nil { // else delivery finds it when it starts
		s.discard(k.ID)
	}
	return nil
}

// madeStreams is the node as the control plane sees it.
type madeStreams struct {
	*streamSet
	health  func() []delivery.Trouble
	reports func(buffer.StreamID) []delivery.Report
	books   func() map[string]delivery.Totals
}

// Errors implements control.Node.
func (m madeStreams) Errors(name string) []json.RawMessage {
	all := []json.RawMessage{}
	for _, r := range m.errorsOf(name) {
		text, err := json.Marshal(r)
		if err != nil {
			panic("hydrant: a report is always JSON: " + err.Error()) // strings, numbers and times
		}
		all = append(all, text)
	}
	return all
}

// errorsOf are the last errors of a stream's delivery.
func (m madeStreams) errorsOf(name string) []delivery.Report {
	for _, k := range m.living() {
		if k.Name == name {
			return m.reports(k.ID)
		}
	}
	return nil
}

// observeDefinitions registers what is to be known of the store of definitions.
func observeDefinitions(r prometheus.Registerer, plane *control.Plane) {
	r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "hydrant_damaged_definitions",
		Help: "Definitions of streams made through the API that cannot be read; hydrant inspect names them. Alert on this.",
	}, func() float64 { return float64(plane.Damaged()) }))
}

// Serve implements control.Node.
func (m madeStreams) Serve(ctx context.Context, made []stream.Stream) error {
	m.changing.Lock()
	defer m.changing.Unlock()
	return m.apply(ctx, m.configured, made)
}

// TryKey implements control.Node.
func (m madeStreams) TryKey(ctx context.Context, encrypt string) error {
	return m.keys.Try(ctx, encrypt)
}

// Streams implements control.Node.
func (m madeStreams) Streams() []control.Stream {
	trouble := map[string]string{}
	for _, t := range m.health() {
		if trouble[t.Stream] == "" || !t.Backup { // where both are in trouble, the stream's own
			trouble[t.Stream] = t.Reason
		}
	}
	var streams []control.Stream
	for _, k := range m.living() {
		if d, ok := m.Current(k.Name); ok {
			streams = append(streams, control.Stream{
				Definition: d, Version: k.Current.Number, Configured: d.Revision == 0, Trouble: trouble[k.Name],
				Encrypted: k.Current.Key != 0 && m.lockedStreams()[k.Name] == nil, KeyTrouble: m.keyTrouble(k),
			})
		}
	}
	slices.SortFunc(streams, func(a, b control.Stream) int { return strings.Compare(a.Definition.Name, b.Definition.Name) })
	return streams
}

// Discard implements control.Node. A stream that the configuration file has taken over is left to it.
func (m madeStreams) Discard(ctx context.Context, name, incarnation string) (done bool, err error) {
	m.changing.Lock()
	defer m.changing.Unlock()
	if _, served := m.Current(name); served {
		return true, nil
	}
	formers := map[buffer.StreamID]bool{}
	for _, k := range m.living() {
		if k.Name != name {
			continue
		}
		if isFormer(k, incarnation) {
			formers[k.ID] = true
			continue
		}
		if err := m.bury(ctx, k); err != nil {
			return false, err
		}
	}
	if err := m.apply(ctx, m.configured, m.made); err != nil { // so that producers are told that it is gone
		return false, err
	}
	return m.pending(name, formers) == 0, nil
}

// isFormer reports whether a stream of the log is another one of its name than that of an incarnation.
func isFormer(k buffer.Stream, incarnation string) bool {
	d, err := stream.Decode(k.Current.Data)
	return err == nil && incarnation != "" && d.Incarnation != "" && d.Incarnation != incarnation
}

// Undefined implements control.Node.
func (m madeStreams) Undefined(name string) (records int64, ok bool) {
	if _, served := m.Current(name); served {
		return 0, false
	}
	for _, k := range m.living() {
		if k.Name == name {
			books := m.books()[name]
			return max(0, m.log.Stats().Streams[k.ID].Accepted-books.Settled()), true
		}
	}
	return 0, false
}

// Drain implements control.Node.
func (m madeStreams) Drain(name string) (left int64) {
	if _, served := m.Current(name); served {
		return 0 // the configuration file has taken it over
	}
	for _, k := range m.living() {
		if k.Name == name {
			m.hasten(k.ID)
		}
	}
	appending := m.catalog.Appending(name) // before what they append is counted
	return appending + m.pending(name, nil)
}

// pending is how many records are not settled, but for those of some streams. Streams of the name that were deleted count.
func (m madeStreams) pending(name string, but map[buffer.StreamID]bool) (records int64) {
	stats := m.log.Stats()
	for _, k := range m.log.Streams() {
		if k.Name == name && !but[k.ID] {
			records += stats.Streams[k.ID].Pending
		}
	}
	return records
}
