package delivery_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"hydrant/delivery"
	"hydrant/delivery/deliverytest"
	"hydrant/stream"
)

// Eight times as much as memory has room for makes one object a partition all the same.
func TestScratchKeepsObjectsWhole(t *testing.T) {
	for _, compression := range []string{"none", "gzip", "zip"} {
		t.Run(compression, func(t *testing.T) {
			w := newWorld(t, func(s *stream.Stream) { s.Compression = compression })
			w.cfg.Memory = 2 << 20
			w.useScratch(64 << 20)
			const keys = 100
			want := w.spread(2000, keys)
			w.start()
			w.drain()
			w.want(want...)
			if n := len(w.objects.Keys()); n != keys {
				t.Errorf("%d objects, want %d", n, keys)
			}
		})
	}
}

// Scratch that is full is as good as none.
func TestScratchTooSmall(t *testing.T) {
	w := newWorld(t, func(s *stream.Stream) { s.Compression = "none" })
	w.cfg.Memory = 2 << 20
	w.useScratch(1 << 20)
	want := w.spread(2000, 50)
	w.start()
	w.drain()
	w.want(want...)
}

// What scratch did not keep is made again from the log: sealed objects under their keys, open ones anew.
func TestScratchDamagedIsMadeAgain(t *testing.T) {
	w := newWorld(t, func(s *stream.Stream) {
		s.Compression = "none"
		s.Buffering.Size = 1 << 20
	})
	w.cfg.Memory = 1 << 20
	dir := w.useScratch(64 << 20)
	var up atomic.Bool
	w.objects.Hook(deliverytest.Create, func(context.Context, string) error {
		if up.Load() {
			return nil
		}
		return &delivery.Error{Op: deliverytest.Create, Class: delivery.Transient, Refused: true, Err: errors.New("down")}
	})
	want := w.spread(1000, 4)
	w.start()
	w.eventually("much is in scratch while the destination is down", func() bool {
		kept, _ := w.scratch.Used()
		return kept > 2<<20 && len(w.service.Health()) > 0
	})
	damageScratch(t, dir)
	up.Store(true)
	w.drain()
	w.want(want...)
}

// damageScratch writes over everything in it.
func damageScratch(t *testing.T, dir string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Fatalf("scratch holds %v, %v", files, err)
	}
	f, err := os.OpenFile(filepath.Join(dir, files[0].Name()), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	for at := int64(0); at < info.Size(); at += 4 << 10 {
		if _, err := f.WriteAt([]byte("damage"), at); err != nil {
			t.Fatal(err)
		}
	}
}

// An object that is made again after an attempt whose outcome nobody knows is as doubtful as it was: it is looked for at the
// old destination before it may go to a corrected one.
func TestScratchDamagedAfterAnUnknownOutcome(t *testing.T) {
	wrong, right := deliverytest.NewMemory(), deliverytest.NewMemory()
	f := newFleet(t, map[string]delivery.Destination{"/wrong": wrong, "/right": right}, "/wrong")
	f.def.Compression, f.def.Buffering.Size = "none", 1<<20
	f.define()
	f.cfg.Memory = 1 << 20
	dir := f.useScratch(64 << 20)
	away := &delivery.Error{Err: errors.New("away")}
	wrong.LoseReply(deliverytest.Create, 1, away)
	var gone atomic.Bool
	var refused atomic.Int64
	wrong.Hook(deliverytest.Create, func(_ context.Context, key string) error {
		switch {
		case gone.Load():
			refused.Add(1)
			return errNoBucket
		case len(wrong.Keys()) == 0 && strings.HasPrefix(key, "key=k0/"): // of an early object, which is most often made again first
			return nil
		}
		return away
	})
	lines := f.spread(1000, 4)
	f.startFleet()
	kept := func() int64 { kept, _ := f.scratch.Used(); return kept }
	f.eventually("one is created, nobody knows, and much is in scratch", func() bool { return len(wrong.Keys()) == 1 && kept() > 2<<20 })
	gone.Store(true)
	damageScratch(t, dir)
	f.eventually("all is made again, without scratch", func() bool { return kept() == 0 })
	before := refused.Load()
	f.eventually("what was made again is refused", func() bool { return refused.Load() > before })
	f.correct("/right")
	f.drain()
	found := 0
	for _, d := range []*deliverytest.Memory{wrong, right} {
		for _, key := range d.Keys() {
			o, _ := d.Object(key)
			found += bytes.Count(bytes.Join(o.Body, nil), []byte("\n"))
		}
	}
	if found != len(lines) || len(wrong.Keys()) != 1 {
		t.Errorf("%d lines are delivered, want %d; %d objects are at the old place", found, len(lines), len(wrong.Keys()))
	}
}
