package badgerlog

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"hydrant/buffer"
)

// heldSync is a log's sync that waits from the next one on until it is let go, and counts.
type heldSync struct {
	hold  atomic.Bool
	begun chan struct{}
	goOn  chan struct{}
	syncs atomic.Int64
}

func (h *heldSync) sync(g *generation) error {
	h.syncs.Add(1)
	if h.hold.Swap(false) {
		h.begun <- struct{}{}
		<-h.goOn
	}
	return g.sync()
}

// Definitions of many streams that come side by side are durable with one sync; those of one stream come one after the other.
func TestDefinitionsShareGroups(t *testing.T) {
	t.Parallel()
	const streams, versions = 100, 5
	h := heldSync{begun: make(chan struct{}), goOn: make(chan struct{})}
	dir := filepath.Join(t.TempDir(), "log")
	r := openRig(t, Config{Dir: dir, MaxDisk: MinDeriving, sync: h.sync})
	ids := make([]buffer.StreamID, streams)
	for i := range ids {
		ids[i] = buffer.NewStreamID()
	}
	var defines sync.WaitGroup
	var mu sync.Mutex
	numbers := map[buffer.StreamID][]uint64{}
	define := func(i int) {
		defines.Go(func() {
			v, err := r.Define(t.Context(), buffer.Definition{Stream: ids[i], Name: fmt.Sprintf("s%d", i), Logic: 1, Data: []byte("{}"), Derives: i%2 == 0})
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			numbers[ids[i]] = append(numbers[ids[i]], v.Number)
		})
	}
	h.hold.Store(true)
	before := h.syncs.Load()
	define(0)
	<-h.begun
	for i := 1; i < streams; i++ {
		define(i)
	}
	for range versions - 1 {
		define(0)
	}
	eventually(t, "all other streams are in the next group", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.defining) == streams
	})
	close(h.goOn)
	defines.Wait()
	if n := h.syncs.Load() - before; n > 2*(versions+1) { // a group may be left for a new generation
		t.Errorf("%d definitions took %d syncs", streams+versions-1, n)
	}
	for i, id := range ids {
		want := []uint64{1}
		if i == 0 {
			want = []uint64{1, 2, 3, 4, 5}
		}
		if slices.Sort(numbers[id]); !slices.Equal(numbers[id], want) {
			t.Errorf("stream %d has the versions %v", i, numbers[id])
		}
	}
	if len(r.defining) > 0 {
		t.Errorf("%d definitions are still on their way", len(r.defining))
	}
	r.stop()
	again := openRig(t, Config{Dir: dir, MaxDisk: MinDeriving})
	defer again.stop()
	for i, id := range ids {
		if v := again.lanes[id].lastVersion().Number; v != uint64(len(numbers[id])) {
			t.Errorf("stream %d has the version %d after a restart", i, v)
		}
	}
}

// Whoever gives up waiting leaves the definition on its way, and the next one counts from it.
func TestDefinitionsThatNobodyWaitsFor(t *testing.T) {
	t.Parallel()
	h := heldSync{begun: make(chan struct{}), goOn: make(chan struct{})}
	r := openRig(t, Config{Dir: filepath.Join(t.TempDir(), "log"), sync: h.sync})
	defer r.stop()
	d := buffer.Definition{Stream: r.id, Name: "s", Logic: 1, Data: []byte("{}")}
	ctx, cancel := context.WithCancel(t.Context())
	h.hold.Store(true)
	gaveUp := make(chan error)
	go func() {
		_, err := r.Define(ctx, d)
		gaveUp <- err
	}()
	<-h.begun
	cancel()
	if err := <-gaveUp; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := r.Define(ctx, d); !errors.Is(err, context.Canceled) {
		t.Errorf("a definition behind it: %v", err)
	}
	close(h.goOn)
	if v, err := r.Define(t.Context(), d); err != nil || v.Number != 3 {
		t.Errorf("the next one: version %d, %v", v.Number, err)
	}
}

// A definition that is refused leaves no stream behind.
func TestRefusedDefinitionMakesNoStream(t *testing.T) {
	t.Parallel()
	r := openRig(t, Config{Dir: filepath.Join(t.TempDir(), "log"), MaxDisk: MinDisk})
	defer r.stop()
	if _, err := r.Define(t.Context(), buffer.Definition{Stream: buffer.NewStreamID(), Name: "f", Logic: 1, Data: []byte("{}"), Derives: true}); err == nil {
		t.Error("a function in so little room")
	}
	r.mustAdd("so that a group is made")
	if n := len(r.Streams()); n != 1 {
		t.Errorf("there are %d streams", n)
	}
}
