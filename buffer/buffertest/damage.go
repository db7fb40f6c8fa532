package buffertest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"hydrant/buffer"
)

// damage is told to readers once, with its range, is settled like records are, and stays known.
func damage(t *testing.T, e Engine) {
	id := buffer.NewStreamID()
	log := e.Open(t)
	define(t, log, id, "s", "v1")
	first := add(t, log, id, "a", "b").First
	lost := add(t, log, id, "c", "d").First
	last := add(t, log, id, "e", "f").First + 1
	e.Crash(t)
	e.Damage(t, id, lost, lost+1)
	log = e.Open(t)
	serve(t, log, id, func(ctx context.Context, lane buffer.Lane) error {
		if err := wantDamage(ctx, lane, first-1, lost, last); err != nil {
			return err
		}
		if err := wantBooks(log, id, 6); err != nil {
			return err
		}
		if err := wantDamage(ctx, lane, first-1, lost, last); err != nil {
			return fmt.Errorf("read again: %w", err)
		}
		return lane.Commit(ctx, buffer.Change{Cursor: lost + 1})
	})
	e.Crash(t)
	log = e.Open(t)
	if err := wantBooks(log, id, 2); err != nil {
		t.Error(err)
	}
	wantRecords(t, log, id, lost+1, "e", "f")
	if next := add(t, log, id, "g").First; next <= last {
		t.Errorf("sequence %d is used again", next)
	}
}

// wantDamage reads a lane to last and wants two records from lost on to be damaged and nothing else.
func wantDamage(ctx context.Context, lane buffer.Lane, after, lost, last buffer.Seq) error {
	var b buffer.Block
	told := 0
	for after < last {
		err := lane.Read(ctx, after, &b)
		var corrupt *buffer.CorruptError
		switch {
		case errors.As(err, &corrupt):
			if corrupt.From != lost || corrupt.To != lost+1 || corrupt.Records != 2 || corrupt.Reason == "" || corrupt.Lane != lane.Info().ID {
				return fmt.Errorf("damage %+v, want records %d and %d", corrupt, lost, lost+1)
			}
			told, after = told+1, corrupt.To
		case err != nil:
			return err
		case b.First <= lost && lost <= b.Last():
			return fmt.Errorf("the block %d to %d was read, and record %d is damaged", b.First, b.Last(), lost)
		default:
			after = b.Last()
		}
	}
	if told != 1 {
		return fmt.Errorf("damage was told %d times on the way to record %d, want once", told, last)
	}
	if info := lane.Info(); info.Head != last || info.Accepted != 6 {
		return fmt.Errorf("head %d of %d records, want %d of 6", info.Head, info.Accepted, last)
	}
	return nil
}

func wantBooks(log buffer.Log, id buffer.StreamID, pending int64) error {
	stats := log.Stats()
	if s := stats.Streams[id]; stats.Damaged != 1 || s.Accepted != 6 || s.Pending != pending {
		return fmt.Errorf("the books say %+v and %d damaged ranges, want 6 accepted, %d pending and one range", s, stats.Damaged, pending)
	}
	return nil
}
