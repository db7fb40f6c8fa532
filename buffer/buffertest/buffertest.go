// Package buffertest is the executable contract of buffer.Log: every engine passes it. An engine's test calls Run with an
// Engine, which opens logs, kills them as a crash does and damages what they keep. Each promise at buffer's methods has a test
// here, tried with plain streams and with encrypted ones.
package buffertest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"hydrant/buffer"
)

// Engine opens and breaks a log under test.
type Engine interface {
	// Open opens the log, or opens it again after Close or Crash.
	Open(t *testing.T) buffer.Log
	// Crash ends the log as a killed process would: nothing is closed, what was synced is there at the next Open.
	Crash(t *testing.T)
	// Advance moves the clock by which keys age. The log is opened with Window.
	Advance(d time.Duration)
	// Damage makes records of a stream unreadable, between a Crash and the next Open. They are one whole batch.
	Damage(t *testing.T, stream buffer.StreamID, from, to buffer.Seq)
	// DataKeys are the engine's own, with which the log is opened.
	DataKeys() *DataKeys
}

// Run runs every test of the contract, each on an engine of its own, with plain streams and with encrypted ones.
func Run(t *testing.T, engine func(t *testing.T) Engine) {
	for name, test := range map[string]func(*testing.T, Engine){
		"append and read":                  appendAndRead,
		"an empty record is a record":      emptyRecord,
		"a large record":                   largeRecord,
		"records are copied":               recordsAreCopied,
		"unknown stream":                   unknownStream,
		"an empty batch is refused":        emptyBatch,
		"read waits for the next block":    readWaits,
		"read ends with its context":       readEnds,
		"read from the middle":             readFromTheMiddle,
		"extents":                          extents,
		"readers are independent":          readersAreIndependent,
		"restart keeps everything":         restart,
		"crash keeps what was acked":       crash,
		"sequences never repeat":           sequencesNeverRepeat,
		"versions are in force by record":  versions,
		"versions retire with the cursor":  versionsRetire,
		"versions retire at once":          versionsRetireAtOnce,
		"state survives":                   state,
		"a commit is all or nothing":       commitIsWhole,
		"the cursor settles":               cursor,
		"the cursor cannot pass the head":  cursorBeyondHead,
		"the books survive":                books,
		"damage is told and passed":        damage,
		"many appenders":                   manyAppenders,
		"streams are independent":          streams,
		"serve starts lanes as they come":  serveStartsLanes,
		"serve returns a run's error":      serveReturnsErrors,
		"closed":                           closed,
		"the origin changes at each start": origin,

		"derived records are the stream's own":         derived,
		"the largest derived record":                   largeDerived,
		"a derivation is all or nothing":               derivationIsWhole,
		"derived records and their cursor survive":     derivedCrash,
		"derived records keep their sources' versions": derivedVersions,
		"derived records are read with their version":  derivedVersionsComeFirst,
		"only a stream that derives has a lane for it": derivesNothing,

		"a repeated batch is stored once":          keyRepeated,
		"another payload is refused":               keyReused,
		"keys are scoped":                          keyScoped,
		"repetitions in flight":                    keyInFlight,
		"keys and records survive together":        keyCrash,
		"an unanswered batch can be sent again":    keyUnanswered,
		"keys expire by time":                      keyExpires,
		"time in which the log is closed is free":  keyAgesOverRestarts,
		"keys expire by count":                     keyCount,
		"keys outlive their records":               keyOutlivesRecords,
		"a refused batch leaves its key free":      keyOfRefusedBatch,
		"a repetition is answered without records": keyBooks,
	} {
		t.Run(name, func(t *testing.T) { test(t, engine(t)) })
		t.Run(name+", encrypted", func(t *testing.T) {
			t.Parallel() // engines wait for their disk
			test(t, encrypted{engine(t)})
		})
	}
	t.Run("data keys change", func(t *testing.T) { keysChange(t, engine(t)) })
	t.Run("derived records are encrypted as their sources", func(t *testing.T) { derivedKeys(t, engine(t)) })
	t.Run("a data key is lost and found", func(t *testing.T) { keyLost(t, engine(t)) })
}

// patience bounds every wait: far above what a slow machine needs.
const patience = 5 * time.Minute

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func define(t *testing.T, log buffer.Log, id buffer.StreamID, name, data string) buffer.Version {
	t.Helper()
	v, err := log.Define(within(t), buffer.Definition{Stream: id, Name: name, Logic: 1, Data: []byte(data)})
	if err != nil {
		t.Fatalf("Define %s: %v", name, err)
	}
	return v
}

func add(t *testing.T, log buffer.Log, id buffer.StreamID, records ...string) buffer.Receipt {
	t.Helper()
	b := buffer.Batch{Stream: id}
	for _, r := range records {
		b.Records = append(b.Records, []byte(r))
	}
	receipt, err := log.Append(within(t), b)
	if err != nil {
		t.Fatalf("Append: %v", err)
	}
	if receipt.Count != len(records) {
		t.Fatalf("Append of %d records: receipt counts %d", len(records), receipt.Count)
	}
	return receipt
}

// serve runs fn on the lane of one stream and returns when fn has.
func serve(t *testing.T, log buffer.Log, id buffer.StreamID, fn func(ctx context.Context, lane buffer.Lane) error) {
	t.Helper()
	serveLane(t, log, buffer.LaneID{Stream: id}, fn)
}

// serveLane is serve for one lane of several.
func serveLane(t *testing.T, log buffer.Log, id buffer.LaneID, fn func(ctx context.Context, lane buffer.Lane) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(within(t))
	defer cancel()
	var once sync.Once
	var result error
	err := log.Serve(ctx, func(ctx context.Context, lane buffer.Lane) error {
		if lane.Info().ID != id {
			<-ctx.Done()
			return nil
		}
		once.Do(func() { result = fn(ctx, lane) })
		cancel()
		return nil
	})
	if err := errors.Join(err, result); err != nil {
		t.Fatal(err)
	}
}

type read struct {
	seq     buffer.Seq
	data    string
	version uint64
}

// readAll reads n records above after.
func readAll(ctx context.Context, lane buffer.Lane, after buffer.Seq, n int) ([]read, error) {
	var out []read
	var b buffer.Block
	for len(out) < n {
		if err := lane.Read(ctx, after, &b); err != nil {
			return out, fmt.Errorf("read above %d, %d of %d records so far: %w", after, len(out), n, err)
		}
		if b.Version == nil {
			return out, fmt.Errorf("block at %d has no version", b.First)
		}
		for r := range b.Records() {
			if r.Seq > after {
				out = append(out, read{r.Seq, string(r.Data), b.Version.Number})
				after = r.Seq
			}
		}
	}
	return out, nil
}

func wantRecords(t *testing.T, log buffer.Log, id buffer.StreamID, after buffer.Seq, want ...string) {
	t.Helper()
	serve(t, log, id, func(ctx context.Context, lane buffer.Lane) error {
		got, err := readAll(ctx, lane, after, len(want))
		if err != nil {
			return err
		}
		for i, r := range got {
			if r.data != want[i] {
				return fmt.Errorf("record %d is %.40q, want %.40q", i, r.data, want[i])
			}
		}
		return nil
	})
}
