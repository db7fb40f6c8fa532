package buffertest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"hydrant/buffer"
)

func appendAndRead(t *testing.T, e Engine) {
	log, id := e.Open(t), buffer.NewStreamID()
	define(t, log, id, "s", "v1")
	first := add(t, log, id, "a", "b", "c")
	second := add(t, log, id, "d")
	if first.First == 0 || second.First != first.First+3 {
		t.Errorf("receipts begin at %d and %d, want sequences from 1 without a gap", first.First, second.First)
	}
	wantRecords(t, log, id, 0, "a", "b", "c", "d")
}

func emptyRecord(t *testing.T, e Engine) {
	log, id := e.Open(t), buffer.NewStreamID()
	define(t, log, id, "s", "v1")
	add(t, log, id, "", "x", "")
	wantRecords(t, log, id, 0, "", "x", "")
}

func largeRecord(t *testing.T, e Engine) {
	log, id := e.Open(t), buffer.NewStreamID()
	define(t, log, id, "s", "v1")
	large := patterned(buffer.MaxRecord)
	add(t, log, id, "before", large, "after")
	wantRecords(t, log, id, 0, "before", large, "after")
	_, err := log.Append(within(t), buffer.Batch{Stream: id, Records: [][]byte{[]byte(large + "x")}})
	if err == nil {
		t.Error("a record above MaxRecord was taken")
	}
}

// patterned is a text of n bytes.
func patterned(n int) string {
	text := make([]byte, n)
	for i := range text {
		text[i] = byte(i * i >> 7)
	}
	return string(text)
}

func recordsAreCopied(t *testing.T, e Engine) {
	log, id := e.Open(t), buffer.NewStreamID()
	define(t, log, id, "s", "v1")
	memory := []byte("precious")
	if _, err := log.Append(within(t), buffer.Batch{Stream: id, Records: [][]byte{memory}}); err != nil {
		t.Fatal(err)
	}
	copy(memory, "poisoned")
	wantRecords(t, log, id, 0, "precious")
}

func unknownStream(t *testing.T, e Engine) {
	log := e.Open(t)
	_, err := log.Append(within(t), buffer.Batch{Stream: buffer.NewStreamID(), Records: [][]byte{[]byte("x")}})
	if !errors.Is(err, buffer.ErrUnknownStream) {
		t.Errorf("got %v, want ErrUnknownStream", err)
	}
}

func emptyBatch(t *testing.T, e Engine) {
	log, id := e.Open(t), buffer.NewStreamID()
	define(t, log, id, "s", "v1")
	if _, err := log.Append(within(t), buffer.Batch{Stream: id}); err == nil {
		t.Error("a batch without a record was taken")
	}
}

func readWaits(t *testing.T, e Engine) {
	log, id := e.Open(t), buffer.NewStreamID()
	define(t, log, id, "s", "v1")
	serve(t, log, id, func(ctx context.Context, lane buffer.Lane) error {
		var wg sync.WaitGroup
		defer wg.Wait()
		wg.Go(func() { add(t, log, id, "late") })
		_, err := readAll(ctx, lane, 0, 1)
		return err
	})
}

func readEnds(t *testing.T, e Engine) {
	log, id := e.Open(t), buffer.NewStreamID()
	define(t, log, id, "s", "v1")
	serve(t, log, id, func(ctx context.Context, lane buffer.Lane) error {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		if err := lane.Read(ctx, 0, new(buffer.Block)); !errors.Is(err, context.Canceled) {
			return fmt.Errorf("got %v, want the context's error", err)
		}
		return nil
	})
}

func readFromTheMiddle(t *testing.T, e Engine) {
	log, id := e.Open(t), buffer.NewStreamID()
	define(t, log, id, "s", "v1")
	add(t, log, id, "a", "b", "c")
	add(t, log, id, "d", "e")
	wantRecords(t, log, id, 2, "c", "d", "e")
	wantRecords(t, log, id, 4, "e")
}

// extents are known of what is there, before it is read, and of nothing else.
func extents(t *testing.T, e Engine) {
	log, id := e.Open(t), buffer.NewStreamID()
	define(t, log, id, "s", "v1")
	for i := range 20 {
		add(t, log, id, fmt.Sprint(i))
	}
	serve(t, log, id, func(ctx context.Context, lane buffer.Lane) error {
		var b buffer.Block
		for after := buffer.Seq(0); after < 20; after = b.Last() {
			last, ok := lane.Extent(after)
			if err := lane.Read(ctx, after, &b); err != nil {
				return err
			}
			if !ok || last != b.Last() {
				return fmt.Errorf("the block above %d ends at %d, its extent is %d (%v)", after, b.Last(), last, ok)
			}
		}
		if last, ok := lane.Extent(20); ok {
			return fmt.Errorf("above the last record there is a block up to %d", last)
		}
		return nil
	})
}

// readersAreIndependent has several readers of one lane at different places, while records come in.
func readersAreIndependent(t *testing.T, e Engine) {
	log, id := e.Open(t), buffer.NewStreamID()
	define(t, log, id, "s", "v1")
	const records, readers = 200, 4
	serve(t, log, id, func(ctx context.Context, lane buffer.Lane) error {
		var wg sync.WaitGroup
		errs := make([]error, readers)
		for i := range readers {
			wg.Go(func() {
				after := buffer.Seq(i * records / readers)
				got, err := readAll(ctx, lane, after, records-int(after))
				for j, r := range got {
					if want := fmt.Sprint(int(after) + j); err == nil && r.data != want {
						err = fmt.Errorf("reader %d: record %d is %q, want %q", i, r.seq, r.data, want)
					}
				}
				errs[i] = err
			})
		}
		for i := range records {
			add(t, log, id, fmt.Sprint(i))
		}
		wg.Wait()
		return errors.Join(errs...)
	})
}

func restart(t *testing.T, e Engine) {
	log, id := e.Open(t), buffer.NewStreamID()
	define(t, log, id, "s", "v1")
	add(t, log, id, "a", "b")
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	log = e.Open(t)
	last := add(t, log, id, "c")
	wantRecords(t, log, id, 0, "a", "b", "c")
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	wantRecords(t, e.Open(t), id, last.First-1, "c")
}

func crash(t *testing.T, e Engine) {
	id := buffer.NewStreamID()
	log := e.Open(t)
	define(t, log, id, "s", "v1")
	var want []string
	for round := range 3 {
		for i := range 10 {
			record := fmt.Sprintf("%d/%d", round, i)
			add(t, log, id, record)
			want = append(want, record)
		}
		e.Crash(t)
		log = e.Open(t)
		wantRecords(t, log, id, 0, want...)
	}
}

func sequencesNeverRepeat(t *testing.T, e Engine) {
	id := buffer.NewStreamID()
	log := e.Open(t)
	define(t, log, id, "s", "v1")
	last := add(t, log, id, "a", "b", "c").First + 2
	serve(t, log, id, func(ctx context.Context, lane buffer.Lane) error {
		return lane.Commit(ctx, buffer.Change{Cursor: last})
	})
	for range 3 {
		e.Crash(t)
		log = e.Open(t)
		next := add(t, log, id, "x").First
		if next <= last {
			t.Fatalf("sequence %d was given again after a restart, %d was used", next, last)
		}
		last = next
	}
}
