package delivery_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"hydrant/delivery"
	"hydrant/delivery/deliverytest"
	"hydrant/stream"
)

// A version freezes what is in an object and its key. Whose credentials deliver it, and what it gets beside its bytes, is
// what the configuration says now, also for an object that was sealed before.
func TestTheWayThereIsTheCurrentOne(t *testing.T) {
	for name, restart := range map[string]bool{"at once": false, "after a restart": true} {
		t.Run(name, func(t *testing.T) {
			lake := func(profile string) stream.Destination {
				return stream.Destination{S3: &stream.S3{Bucket: "lake", Profile: profile, Tags: map[string]string{"profile": profile}}}
			}
			w := newWorld(t, func(s *stream.Stream) { s.Destination = lake("revoked") })
			revoked, valid := deliverytest.NewMemory(), deliverytest.NewMemory()
			var key atomic.Value
			revoked.Hook(deliverytest.Create, func(_ context.Context, tried string) error {
				key.Store(tried)
				return &delivery.Error{Class: delivery.Held, Refused: true, Err: errors.New("revoked")}
			})
			var corrected atomic.Bool
			start := func() {
				w.startWith(func(_ context.Context, d stream.Destination) (delivery.Destination, error) {
					if d.S3.Profile == "valid" && d.S3.Tags["profile"] == "valid" {
						return valid, nil
					}
					return revoked, nil
				}, func(string) (stream.Stream, bool) {
					now := w.def
					if corrected.Load() {
						now.Destination = lake("valid")
					}
					now.Buffering.Size = stream.MiB
					return now, true
				})
			}
			w.append(`{"key":"a","pad":"` + strings.Repeat("x", 1<<20) + `"}`)
			start()
			w.eventually("the upload is refused", func() bool { return len(w.service.Health()) == 1 })
			corrected.Store(true)
			if restart {
				w.kill()
				start()
			}
			w.drain()
			if keys := valid.Keys(); len(keys) != 1 || keys[0] != key.Load() || len(revoked.Keys()) > 0 {
				t.Errorf("%q were delivered with valid credentials, want %v under its key", keys, key.Load())
			}
		})
	}
}
