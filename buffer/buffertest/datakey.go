package buffertest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hydrant/buffer"
)

// DataKeys are the keys that the logs under test encrypt with: every id has one, until it is taken away. The zero value is
// ready.
type DataKeys struct {
	mu   sync.Mutex
	made map[buffer.DataKeyID]*buffer.DataKey
	gone bool
}

// Key implements buffer.DataKeys.
func (k *DataKeys) Key(id buffer.DataKeyID) (*buffer.DataKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.gone {
		return nil, &buffer.DataKeyError{ID: id, Code: buffer.KeyNotFound, Reason: "the test took it away"}
	}
	if k.made[id] == nil {
		secret := sha256.Sum256([]byte{byte(id)})
		key, err := buffer.NewDataKey(id, secret[:])
		if err != nil {
			return nil, err
		}
		if k.made == nil {
			k.made = map[buffer.DataKeyID]*buffer.DataKey{}
		}
		k.made[id] = key
	}
	return k.made[id], nil
}

// Take takes all keys away, or gives them back.
func (k *DataKeys) Take(away bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.gone = away
}

// encrypted is an engine whose streams are all encrypted.
type encrypted struct{ Engine }

func (e encrypted) Open(t *testing.T) buffer.Log { return encryptedLog{e.Engine.Open(t)} }

type encryptedLog struct{ buffer.Log }

func (l encryptedLog) Define(ctx context.Context, d buffer.Definition) (buffer.Version, error) {
	d.Key = 1
	return l.Log.Define(ctx, d)
}

func defineSealed(t *testing.T, log buffer.Log, id buffer.StreamID, data string, key buffer.DataKeyID) {
	t.Helper()
	v, err := log.Define(within(t), buffer.Definition{Stream: id, Name: "s", Logic: 1, Data: []byte(data), Key: key})
	if err != nil {
		t.Fatal(err)
	}
	if v.Key != key {
		t.Fatalf("the version has key %d, want %d", v.Key, key)
	}
}

// keysChange: each record is encrypted under the definition in force at its sequence, also after a crash. Batches are small
// and large, since engines pack them differently.
func keysChange(t *testing.T, e Engine) {
	id := buffer.NewStreamID()
	log := e.Open(t)
	var want []string
	for i, key := range []buffer.DataKeyID{0, 1, 2, 0, 1} {
		defineSealed(t, log, id, fmt.Sprint(i), key)
		for _, record := range []string{fmt.Sprintf("small %d", i), strings.Repeat(fmt.Sprint("large ", i), 10<<10)} {
			add(t, log, id, record)
			want = append(want, record)
		}
	}
	check := func(log buffer.Log) {
		serve(t, log, id, func(ctx context.Context, lane buffer.Lane) error {
			var b buffer.Block
			for after := buffer.Seq(0); after < buffer.Seq(len(want)); after = b.Last() {
				if err := lane.Read(ctx, after, &b); err != nil {
					return err
				}
				if b.Key != b.Version.Key {
					return fmt.Errorf("the block at %d is under key %d, its version under %d", b.First, b.Key, b.Version.Key)
				}
			}
			return nil
		})
		wantRecords(t, log, id, 0, want...)
		s := log.Streams()[0]
		if s.Current.Key != 1 || len(s.InUse) != 5 || s.InUse[2].Key != 2 {
			t.Errorf("versions in use are %+v", s.InUse)
		}
		wantKeys(t, log, 1, 2)
	}
	check(log)
	e.Crash(t)
	log = e.Open(t)
	check(log)
	serve(t, log, id, func(ctx context.Context, lane buffer.Lane) error {
		return lane.Commit(ctx, buffer.Change{Cursor: buffer.Seq(len(want))})
	})
	wantKeys(t, log, 1) // in force
	defineSealed(t, log, id, "plain", 0)
	wantKeys(t, log)
}

// derivedKeys: what is derived is encrypted as the records that it is made of, whatever their stream is encrypted with by then,
// and its key is needed until it is settled.
func derivedKeys(t *testing.T, e Engine) {
	log, id := e.Open(t), buffer.NewStreamID()
	var versions []buffer.Version
	for _, key := range []buffer.DataKeyID{0, 1, 2, 3} {
		d := buffer.Definition{Stream: id, Name: "s", Logic: 1, Key: key, Derives: true}
		v, err := log.Define(within(t), d)
		if err != nil {
			t.Fatal(err)
		}
		if v.Key < 3 {
			versions = append(versions, v)
			add(t, log, id, fmt.Sprint(key))
		}
		if key == 1 {
			derive(t, log, id, 0, derivation(versions[0], "early"))
		}
	}
	for i, v := range versions {
		derive(t, log, id, buffer.Seq(i+1), derivation(v, fmt.Sprint("of ", v.Key)))
	}
	const derived = 4
	settle := func(t *testing.T, log buffer.Log, cursor buffer.Seq) {
		serveLane(t, log, buffer.LaneID{Stream: id}.Derived(), func(ctx context.Context, lane buffer.Lane) error {
			var b buffer.Block
			for after := lane.Info().Cursor; after < derived; after = b.Last() {
				if err := lane.Read(ctx, after, &b); err != nil {
					return err
				}
				if b.Key != b.Version.Key || b.Key > 2 {
					return fmt.Errorf("the block at %d is under key %d, its version under %d", b.First, b.Key, b.Version.Key)
				}
			}
			return lane.Commit(ctx, buffer.Change{Cursor: cursor})
		})
	}
	wantKeys(t, log, 1, 2, 3)
	e.Crash(t)
	log = e.Open(t)
	wantKeys(t, log, 1, 2, 3)
	settle(t, log, 3)
	wantKeys(t, log, 2, 3)
	settle(t, log, derived)
	wantKeys(t, log, 3)
}

func wantKeys(t *testing.T, log buffer.Log, want ...buffer.DataKeyID) {
	t.Helper()
	if got := slices.Sorted(maps.Keys(log.NeededKeys())); !slices.Equal(got, want) {
		t.Errorf("needed keys are %v, want %v", got, want)
	}
}

// keyLost: without its key a stream takes nothing and holds; nothing is lost or taken for damaged, and it goes on by itself.
func keyLost(t *testing.T, e Engine) {
	id, plain := buffer.NewStreamID(), buffer.NewStreamID()
	log := e.Open(t)
	define(t, log, plain, "plain", "v1")
	defineSealed(t, log, id, "v1", 1)
	add(t, log, id, "before")
	e.DataKeys().Take(true)
	e.Crash(t)
	log = e.Open(t)

	var missing *buffer.DataKeyError
	for _, record := range []string{"small", strings.Repeat("large", 20<<10)} {
		_, err := log.Append(within(t), buffer.Batch{Stream: id, Records: [][]byte{[]byte(record)}})
		if !errors.As(err, &missing) || missing.ID != 1 {
			t.Errorf("an append without the key: %v, want a DataKeyError", err)
		}
	}
	_, err := log.Define(within(t), buffer.Definition{Stream: id, Name: "s", Logic: 1, Key: 2})
	if !errors.As(err, &missing) {
		t.Errorf("a definition with a key that cannot be had: %v, want a DataKeyError", err)
	}
	add(t, log, plain, "others go on")
	wantRecords(t, log, plain, 0, "others go on")

	serve(t, log, id, func(ctx context.Context, lane buffer.Lane) error {
		done := make(chan error, 1)
		var b buffer.Block
		go func() { done <- lane.Read(ctx, 0, &b) }()
		for log.Stats().Streams[id].Locked == "" {
			select {
			case err := <-done:
				return fmt.Errorf("a read without the key returned %v", err)
			case <-time.After(time.Millisecond):
			}
		}
		e.DataKeys().Take(false)
		if err := <-done; err != nil {
			return err
		}
		if stats := log.Stats(); stats.Streams[id].Locked != "" || stats.Damaged != 0 {
			return fmt.Errorf("afterwards the stream is %+v, %d ranges are damaged", stats.Streams[id], stats.Damaged)
		}
		return nil
	})
	add(t, log, id, "after")
	wantRecords(t, log, id, 0, "before", "after")
}
