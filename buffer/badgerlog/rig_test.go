package badgerlog

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"hydrant/buffer"
)

// rig is a log of one stream and what tests do to it.
type rig struct {
	*Log
	t      *testing.T
	id     buffer.StreamID
	cancel context.CancelFunc
	lane   buffer.Lane
	served chan error
}

func openRig(t *testing.T, cfg Config) *rig {
	t.Helper()
	l, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{Log: l, t: t}
	if streams := l.Streams(); len(streams) > 0 {
		r.id = streams[0].ID
	} else {
		r.id = buffer.NewStreamID()
		if _, err := l.Define(t.Context(), buffer.Definition{Stream: r.id, Name: "s", Logic: 1, Data: []byte("{}")}); err != nil {
			t.Fatal(err)
		}
	}
	r.serve()
	return r
}

// serve takes hold of the lane.
func (r *rig) serve() {
	ctx, cancel := context.WithCancel(context.Background())
	lanes := make(chan buffer.Lane)
	r.cancel, r.served = cancel, make(chan error, 1)
	go func() {
		r.served <- r.Serve(ctx, func(ctx context.Context, lane buffer.Lane) error {
			lanes <- lane
			<-ctx.Done()
			return nil
		})
	}()
	r.lane = <-lanes
	r.t.Cleanup(r.stop)
}

func (r *rig) stop() {
	r.cancel()
	if err := r.Close(); err != nil {
		r.t.Error(err)
	}
}

// add appends one record and returns its sequence.
func (r *rig) add(data []byte) (buffer.Seq, error) {
	receipt, err := r.Append(r.t.Context(), buffer.Batch{Stream: r.id, Records: [][]byte{data}})
	return receipt.First, err
}

func (r *rig) mustAdd(data string) buffer.Seq {
	r.t.Helper()
	seq, err := r.add([]byte(data))
	if err != nil {
		r.t.Fatal(err)
	}
	return seq
}

// records reads what lies above the cursor.
func (r *rig) records() []string {
	r.t.Helper()
	var out []string
	var b buffer.Block
	info := r.lane.Info()
	for after := info.Cursor; after < info.Head; after = b.Last() {
		if err := r.lane.Read(r.t.Context(), after, &b); err != nil {
			r.t.Fatal(err)
		}
		for record := range b.Records() {
			if record.Seq > after {
				out = append(out, string(record.Data))
			}
		}
	}
	return out
}

func (r *rig) settle(seq buffer.Seq) {
	r.t.Helper()
	if err := r.lane.Commit(r.t.Context(), buffer.Change{Cursor: seq}); err != nil {
		r.t.Fatal(err)
	}
}

// pass appends n large records, each settled before the next.
func (r *rig) pass(n int) {
	r.t.Helper()
	for range n {
		seq, err := r.add(randomBlock(1 << 20))
		if err != nil {
			r.t.Fatal(err)
		}
		r.settle(seq)
	}
}

// writesTo is the generation that the next group goes to; housekeeping may move on at any time.
func (r *rig) writesTo() *generation {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.current
}

func (r *rig) awaitReadyGeneration() {
	r.t.Helper()
	eventually(r.t, "the next generation is ready", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return r.supply.ready != nil })
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Minute)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within five minutes", what)
		}
		time.Sleep(5 * time.Millisecond) // between two looks at the condition
	}
}

func equal(t *testing.T, what string, got, want []string) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func randomBlock(size int) []byte {
	block := make([]byte, size)
	_, _ = rand.Read(block)
	return block
}

// refused appends until that is refused and returns why.
func (r *rig) refused(size int) *buffer.FullError {
	r.t.Helper()
	for {
		_, err := r.add(randomBlock(size))
		var full *buffer.FullError
		if errors.As(err, &full) {
			return full
		}
		if err != nil {
			r.t.Fatal(err)
		}
	}
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }
