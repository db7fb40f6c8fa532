package control

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hydrant/gateway/ingest"
	"hydrant/stream/definitions"
)

// fleetStore is a store that several nodes change, with what one of them knows of it.
type fleetStore struct {
	*memory
	err    error  // of everything
	before func() // called once, before the next Put
	kept   map[string]definitions.Document
	loads  int
}

func (s *fleetStore) Load(ctx context.Context) (map[string]definitions.Document, error) {
	s.loads++
	if s.err != nil {
		return nil, s.err
	}
	documents, err := s.memory.Load(ctx)
	s.kept = documents
	return documents, err
}

func (s *fleetStore) Put(ctx context.Context, name string, data []byte, expected definitions.Version) (definitions.Version, error) {
	if before := s.before; before != nil {
		s.before = nil
		before()
	}
	if s.err != nil {
		return "", s.err
	}
	return s.memory.Put(ctx, name, data, expected)
}

func (s *fleetStore) Kept(context.Context) (map[string]definitions.Document, error) {
	return s.kept, nil
}

// member is a node of a fleet.
type member struct {
	*world
	store *fleetStore
}

func newMembers(t *testing.T, n int) []*member {
	kept, now := &memory{documents: map[string]definitions.Document{}}, time.Unix(1700000000, 0)
	var members []*member
	for range n {
		w := &world{t: t, node: &fakeNode{pending: map[string]int64{}}, now: now}
		m := &member{world: w, store: &fleetStore{memory: kept}}
		m.start()
		members = append(members, m)
	}
	return members
}

func (m *member) start() {
	m.t.Helper()
	var err error
	m.Plane, err = New(m.t.Context(), Config{Account: "123456789012", Region: "eu-central-1", Place: Place{Role: RoleIgnored}},
		Deps{Store: m.store, Node: m.node, Now: func() time.Time { return m.now }})
	if err == nil {
		err = m.Plane.Serve(m.t.Context())
	}
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *member) wantServed(name string, want bool) {
	m.t.Helper()
	if _, served := m.node.served(name); served != want {
		m.t.Errorf("stream %s is served: %v, want %v", name, served, want)
	}
}

// What one node has answered every other one knows when it is asked, and serves when a producer names it.
func TestFleetSharesChanges(t *testing.T) { synctest.Test(t, fleetSharesChanges) } // no look comes too late

func fleetSharesChanges(t *testing.T) {
	fleet := newMembers(t, 3)
	a, b, c := fleet[0], fleet[1], fleet[2]
	a.create("s")
	if err := b.Find(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.wantServed("s", true)
	c.wantServed("s", false)
	if got := c.described("s")["DeliveryStreamStatus"]; got != "ACTIVE" {
		t.Errorf("the third node says %v", got)
	}
	c.wantServed("s", true)
	c.refused("CreateDeliveryStream", creation("s", ""), ingest.StreamInUse, "already exists")
	c.good("UpdateDestination", fmt.Sprintf(update, "1", `"Prefix":"x/"`))
	b.refused("UpdateDestination", fmt.Sprintf(update, "1", `"Prefix":"y/"`), ingest.VersionConflict, "current version id: 2 and specified version id: 1")
	b.good("TagDeliveryStream", `{"DeliveryStreamName":"s","Tags":[{"Key":"k","Value":"v"}]}`)
	if got := a.good("ListTagsForDeliveryStream", `{"DeliveryStreamName":"s"}`); !strings.Contains(got, `"Value":"v"`) {
		t.Errorf("got %s", got)
	}
	if d, _ := a.node.served("s"); d.Prefix != "x/!{timestamp:yyyy/MM/dd/HH}/" || d.Revision != 2 {
		t.Errorf("the first node serves %s", d.Encode())
	}
}

// Two nodes change one stream in the same instant: one of them is second, and answers as one that came later.
func TestFleetRaces(t *testing.T) {
	fleet := newMembers(t, 2)
	a, b := fleet[0], fleet[1]
	a.store.before = func() { b.create("s") }
	a.refused("CreateDeliveryStream", creation("s", ""), ingest.StreamInUse, "already exists")
	a.store.before = func() { b.good("UpdateDestination", fmt.Sprintf(update, "1", `"Prefix":"b/"`)) }
	a.refused("UpdateDestination", fmt.Sprintf(update, "1", `"Prefix":"a/"`), ingest.VersionConflict, "current version id: 2 and specified version id: 1")
	tag := func(m *member, key string) {
		m.good("TagDeliveryStream", `{"DeliveryStreamName":"s","Tags":[{"Key":"`+key+`","Value":"v"}]}`)
	}
	a.store.before = func() { tag(b, "b") }
	tag(a, "a")
	a.store.before = func() { tag(b, "c") }
	a.good("UpdateDestination", fmt.Sprintf(update, "2", `"Prefix":"a/"`))
	if got := b.good("ListTagsForDeliveryStream", `{"DeliveryStreamName":"s"}`); strings.Count(got, `"Key"`) != 3 {
		t.Errorf("got %s, want three tags", got)
	}
	if got := b.described("s")["VersionId"]; got != "3" {
		t.Errorf("the version is %v, want 3", got)
	}
}

// later moves the time of all nodes and has each take what is being deleted a step further.
func later(fleet []*member, by time.Duration) {
	for _, m := range fleet {
		m.now = m.now.Add(by)
	}
	for _, m := range fleet {
		_ = m.look(m.t.Context())
		m.finishLeaving(m.t.Context())
	}
}

// A stream deleted on one node is given up by all, and its name is free once each has had the time to see that.
func TestFleetDeletes(t *testing.T) {
	fleet := newMembers(t, 3)
	a, b, c := fleet[0], fleet[1], fleet[2]
	a.create("s")
	later(fleet, 0)
	a.good("DeleteDeliveryStream", `{"DeliveryStreamName":"s"}`)
	later(fleet, 0)
	for _, m := range fleet {
		m.wantServed("s", false)
		if fmt.Sprint(m.node.discarded) != "[s]" {
			t.Errorf("a node has discarded %v", m.node.discarded)
		}
	}
	b.refused("CreateDeliveryStream", creation("s", ""), ingest.StreamInUse, "being deleted")
	later(fleet, settling-time.Second)
	if got := c.described("s")["DeliveryStreamStatus"]; got != "DELETING" {
		t.Errorf("before every node has surely seen it the stream is %v", got)
	}
	later(fleet, 2*time.Second)
	for _, m := range fleet {
		m.refused("DescribeDeliveryStream", `{"DeliveryStreamName":"s"}`, ingest.StreamNotFound)
	}
	b.create("s")
}

// Draining waits for every node that says that it holds something, but not for one that is not heard of any more.
func TestFleetDrains(t *testing.T) {
	fleet := newMembers(t, 3)
	a, b, c := fleet[0], fleet[1], fleet[2]
	a.create("s")
	later(fleet, 0)
	b.node.pending["s"], c.node.pending["s"] = 5, 5
	a.good("DeleteDeliveryStream", `{"DeliveryStreamName":"s","HydrantDrain":true}`)
	for range 20 {
		later(fleet, busyEvery)
	}
	if got := a.described("s")["DeliveryStreamStatus"]; got != "DELETING" {
		t.Errorf("while two nodes hold something the stream is %v", got)
	}
	b.node.pending["s"] = 0
	for range 5 {
		later(fleet, busyEvery)
	}
	if got := a.described("s")["DeliveryStreamStatus"]; got != "DELETING" {
		t.Errorf("while one node holds something the stream is %v", got)
	}
	for range 5 { // the third has died
		later(fleet[:2], busyAlive/3)
	}
	a.refused("DescribeDeliveryStream", `{"DeliveryStreamName":"s"}`, ingest.StreamNotFound)
	later(fleet, 0)
	if len(c.node.discarded) != 0 {
		t.Error("what a node held that was away is discarded, although it was to be delivered")
	}
}

// While the store does not answer, what is known is told and served, also by a node that starts; nothing changes, and a
// stream that is not known may exist.
func TestFleetStoreAway(t *testing.T) {
	m := newMembers(t, 1)[0]
	m.create("s")
	later([]*member{m}, 0)
	m.store.err = errors.New("connection refused")
	for range 2 {
		if got := m.described("s")["DeliveryStreamStatus"]; got != "ACTIVE" {
			t.Errorf("got %v", got)
		}
		m.wantServed("s", true)
		m.refused("CreateDeliveryStream", creation("t", ""), ingest.DefinitionsAway, "nothing has changed")
		m.refused("DeleteDeliveryStream", `{"DeliveryStreamName":"s"}`, ingest.DefinitionsAway)
		if err := m.Find(t.Context()); err == nil {
			t.Error("a stream that is not known surely does not exist")
		}
		m.node.made = nil
		m.start()
	}
	m.store.err = nil
	m.create("t")
	m.wantServed("t", true)
}

// A definition that another version of the program wrote changes nothing on a node that cannot read it.
func TestFleetOfTwoVersions(t *testing.T) {
	fleet := newMembers(t, 2)
	a, b := fleet[0], fleet[1]
	a.create("s")
	later(fleet, 0)
	document := a.store.documents["s"]
	newer := strings.Replace(string(document.Data), `"name"`, `"sealed_with":"k","name"`, 1)
	for _, name := range []string{"s", "t"} {
		_, err := a.store.Put(t.Context(), name, []byte(newer), a.store.documents[name].Version)
		if err != nil {
			t.Fatal(err)
		}
	}
	later(fleet, 0)
	b.wantServed("s", true)
	b.wantServed("t", false)
	b.create("u")
	b.refused("TagDeliveryStream", `{"DeliveryStreamName":"s","Tags":[{"Key":"k","Value":"v"}]}`, ingest.VersionConflict)
	if got := string(a.store.documents["s"].Data); got != newer {
		t.Errorf("an older node has written %s", got)
	}
	later(fleet, 0)
	if changed, err := b.adopt(a.store.documents, 0); changed || err != nil {
		t.Errorf("what cannot be read is news at each look; error %v", err)
	}
}

// A producer that names an unknown stream is told in time that this cannot be known, also while a change waits for the store:
// what it sent holds room meanwhile that other streams' producers need.
func TestFleetFindWaitsForNoChange(t *testing.T) {
	m := newMembers(t, 1)[0]
	m.changing.Lock()
	defer m.changing.Unlock()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	found := make(chan error, 1)
	go func() { found <- m.Find(ctx) }()
	select {
	case err := <-found:
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	case <-time.After(time.Minute):
		t.Error("it waits for the change")
	}
}

// Many producers that name a stream that does not exist share a look.
func TestFleetLooksAreShared(t *testing.T) { synctest.Test(t, fleetLooksAreShared) }

func fleetLooksAreShared(t *testing.T) {
	m := newMembers(t, 1)[0]
	if err := m.Find(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := m.store.loads
	done := make(chan error)
	const producers = 200
	for range producers {
		go func() { done <- m.Find(t.Context()) }()
	}
	for range producers {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if looks := m.store.loads - before; looks != 1 {
		t.Errorf("%d looks for %d producers", looks, producers)
	}
}
