package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"hydrant/delivery"
	"hydrant/delivery/deliverytest"
	"hydrant/stream"
)

// The endpoints of a bucket that all stores here have.
const (
	oldEndpoint = "http://old:9000"
	newEndpoint = "http://new:9000"
)

func bucketAt(endpoint string) stream.Destination {
	return stream.Destination{S3: &stream.S3{Bucket: "lake", Endpoint: endpoint}}
}

// stores are a world's, by endpoint; one whose name is lost cannot be reached by it any more.
type stores struct {
	*world
	at   map[string]*deliverytest.Memory
	lost atomic.Pointer[string]
}

func newStores(t *testing.T, at map[string]*deliverytest.Memory) *stores {
	w := newWorld(t, func(s *stream.Stream) {
		s.Destination = bucketAt(oldEndpoint)
		s.Buffering.Interval = stream.Duration(time.Millisecond)
	})
	return &stores{world: w, at: at}
}

// named is a store by one of its names.
type named struct {
	*deliverytest.Memory
	unreachable func() error
}

func (n named) Create(ctx context.Context, o *delivery.Object) error {
	if err := n.unreachable(); err != nil {
		return err
	}
	return n.Memory.Create(ctx, o)
}

func (n named) Stat(ctx context.Context, key string) (delivery.Metadata, error) {
	if err := n.unreachable(); err != nil {
		return delivery.Metadata{}, err
	}
	return n.Memory.Stat(ctx, key)
}

func (n named) LoadRecord(ctx context.Context, name string) ([]byte, string, error) {
	if err := n.unreachable(); err != nil {
		return nil, "", err
	}
	return n.Memory.LoadRecord(ctx, name)
}

func (s *stores) live() {
	s.startWith(func(_ context.Context, d stream.Destination) (delivery.Destination, error) {
		endpoint := d.S3.Endpoint
		return named{s.at[endpoint], func() error {
			if lost := s.lost.Load(); lost != nil && *lost == endpoint {
				return &delivery.Error{Refused: true, Err: errors.New("no such host")}
			}
			return nil
		}}, nil
	}, func(string) (stream.Stream, bool) { return *s.inForce.Load(), true })
}

func (s *stores) lose(endpoint string) { s.lost.Store(&endpoint) }

// correct changes the endpoint in the configuration.
func (s *stores) correct() {
	s.def.Destination = bucketAt(newEndpoint)
	s.define()
}

// sealUnknown leaves one object whose creation was not answered.
func (s *stores) sealUnknown(created bool) {
	s.t.Helper()
	store, away := s.at[oldEndpoint], &delivery.Error{Err: errors.New("no answer")}
	if created {
		store.LoseReply(deliverytest.Create, 1, away)
	} else {
		store.Fail(deliverytest.Create, 1, away)
	}
	tried := make(chan struct{})
	store.Hook(deliverytest.Create, func(ctx context.Context, _ string) error {
		if store.Calls(deliverytest.Create) == 2 {
			close(tried)
		}
		if store.Calls(deliverytest.Create) > 1 {
			<-ctx.Done() // the second attempt stays under way
			return ctx.Err()
		}
		return nil
	})
	s.append(record("a", 1))
	s.live()
	<-tried
	s.kill()
	store.Hook(deliverytest.Create, nil)
}

// Two stores have a bucket of one name. What may have been created in the one is looked for there before it goes to the other.
func TestCorrectedEndpointOfAnotherStore(t *testing.T) {
	for _, created := range []bool{true, false} {
		t.Run(fmt.Sprint("created ", created), func(t *testing.T) {
			before, after := deliverytest.NewMemory(), deliverytest.NewMemory()
			s := newStores(t, map[string]*deliverytest.Memory{oldEndpoint: before, newEndpoint: after})
			s.sealUnknown(created)
			s.lose(oldEndpoint)
			s.correct()
			s.live()
			s.eventually("it waits for an answer of the old store", func() bool { return len(s.service.Health()) > 0 })
			if n := len(after.Keys()); n != 0 {
				t.Errorf("%d objects are in the new store while nobody knows", n)
			}
			s.lose("")
			s.drain()
			at := map[bool]int{true: len(before.Keys()), false: len(after.Keys())}[created]
			if at != 1 || len(before.Keys())+len(after.Keys()) != 1 {
				t.Errorf("the old store holds %q, the new one %q", before.Keys(), after.Keys())
			}
		})
	}
}

// A store that is reached by another name from now on is the same: nothing waits for the old name.
func TestCorrectedEndpointOfTheSameStore(t *testing.T) {
	for _, created := range []bool{true, false} {
		t.Run(fmt.Sprint("created ", created), func(t *testing.T) {
			store := deliverytest.NewMemory()
			s := newStores(t, map[string]*deliverytest.Memory{oldEndpoint: store, newEndpoint: store})
			s.sealUnknown(created)
			s.lose(oldEndpoint)
			s.correct()
			s.live()
			s.drain()
			if n := len(store.Keys()); n != 1 {
				t.Errorf("%d objects, want one", n)
			}
		})
	}
}

// At an endpoint that never answered nothing can be: what was sealed for it goes to the corrected one, also after a kill.
func TestCorrectedEndpointThatWasNone(t *testing.T) {
	right := deliverytest.NewMemory()
	s := newStores(t, map[string]*deliverytest.Memory{oldEndpoint: nil, newEndpoint: right})
	s.lose(oldEndpoint)
	s.append(record("a", 1))
	s.live()
	s.eventually("that nothing was created is durable", func() bool { return len(s.service.Health()) > 0 && !s.manifest().Attempted })
	s.kill()
	s.correct()
	s.live()
	s.drain()
	if n := len(right.Keys()); n != 1 {
		t.Errorf("%d objects, want one", n)
	}
}
