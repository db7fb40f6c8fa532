package ingest

import (
	"sync"
	"testing"

	"hydrant/buffer"
)

func TestCatalogLookup(t *testing.T) {
	var c Catalog
	if _, ok := c.Lookup([]byte("clicks")); ok {
		t.Error("an empty catalog found a stream")
	}
	clicks := Stream{ID: buffer.NewStreamID(), Name: "clicks", Accepting: true}
	orders := Stream{ID: buffer.NewStreamID(), Name: "orders"}
	c.Set([]Stream{clicks, orders})
	for _, want := range []Stream{clicks, orders} {
		got, ok := c.Lookup([]byte(want.Name))
		if !ok || got.ID != want.ID || got.Name != want.Name || got.Accepting != want.Accepting {
			t.Errorf("%s: got %+v, %v, want %+v", want.Name, got, ok, want)
		}
	}
	if _, ok := c.Lookup([]byte("Clicks")); ok {
		t.Error("names are case-sensitive, but Clicks was found")
	}
	c.Set(nil)
	if _, ok := c.Lookup([]byte("clicks")); ok {
		t.Error("a replaced catalog still finds the old stream")
	}
}

func TestCatalogLookupDoesNotAllocate(t *testing.T) {
	var c Catalog
	name := []byte("a-stream-with-a-name-of-more-than-thirty-two-bytes")
	c.Set([]Stream{{Name: string(name)}})
	if got := testing.AllocsPerRun(100, func() { c.Lookup(name) }); got != 0 {
		t.Errorf("got %v allocations, want 0", got)
	}
}

// A lookup sees all of one catalog or all of another.
func TestCatalogIsSwappedWhole(t *testing.T) {
	var c Catalog
	old, fresh := buffer.NewStreamID(), buffer.NewStreamID()
	catalog := func(id buffer.StreamID) []Stream { return []Stream{{ID: id, Name: "clicks"}} }
	c.Set(catalog(old))
	var wait sync.WaitGroup
	wait.Go(func() {
		for range 500 {
			c.Set(catalog(fresh))
			c.Set(catalog(old))
		}
	})
	for range 5000 {
		got, ok := c.Lookup([]byte("clicks"))
		if !ok || got.ID != old && got.ID != fresh {
			t.Fatalf("got %+v, %v, want the old stream or the new", got, ok)
		}
	}
	wait.Wait()
}

// A stream that takes no records any more, or is another one now, lets no append begin, until it takes records again.
func TestGates(t *testing.T) {
	var c Catalog
	first, second := buffer.NewStreamID(), buffer.NewStreamID()
	find := func() *Stream {
		s, _ := c.Lookup([]byte("clicks"))
		return s
	}
	c.Set([]Stream{{ID: first, Name: "clicks", Accepting: true}})
	found := find()
	for _, step := range []struct {
		set  []Stream
		open bool // for who found the first
	}{
		{[]Stream{{ID: first, Name: "clicks"}}, false},
		{[]Stream{{ID: first, Name: "clicks", Accepting: true}}, true},
		{[]Stream{{ID: second, Name: "clicks", Accepting: true}}, false},
		{nil, false},
	} {
		c.Set(step.set)
		if got := found.gate.enter(); got != step.open {
			t.Errorf("%+v: an append begins: %v, want %v", step.set, got, step.open)
		} else if got {
			if c.Appending("clicks") != 1 {
				t.Error("an append is not counted")
			}
			found.gate.leave()
		}
		if c.Appending("clicks") != 0 {
			t.Errorf("%+v: %d appends are counted", step.set, c.Appending("clicks"))
		}
	}
}
