package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hydrant/buffer"
	"hydrant/delivery"
	"hydrant/delivery/deliverytest"
	"hydrant/stream"
)

// backedUp is a world whose stream keeps a backup.
type backedUp struct {
	*world
	copies *deliverytest.Memory
}

func newBackedUp(t *testing.T, adjust func(*stream.Stream)) *backedUp {
	w := newWorld(t, func(s *stream.Stream) {
		s.Backup = &stream.Backup{Prefix: "copy/!{timestamp:yyyy}/", Destination: stream.Destination{Directory: &stream.Directory{Path: "/copies"}}}
		s.Backup.Buffering.Interval = s.Buffering.Interval
		if adjust != nil {
			adjust(s)
		}
	})
	return &backedUp{world: w, copies: deliverytest.NewMemory()}
}

func (w *backedUp) start() {
	w.putInForce()
	w.startWith(func(_ context.Context, d stream.Destination) (delivery.Destination, error) {
		if d.Directory.Path == "/copies" {
			return w.copies, nil
		}
		return w.objects, nil
	}, func(string) (stream.Stream, bool) { return *w.inForce.Load(), true })
}

// redefine puts another definition in force for what is appended from now on.
func (w *backedUp) redefine(change func(*stream.Stream)) {
	w.t.Helper()
	change(&w.def)
	w.define()
}

func (w *backedUp) wantCopies(records ...string) {
	w.t.Helper()
	var want []string
	for _, r := range records {
		want = append(want, "copy "+r)
	}
	slices.Sort(want)
	if got := linesOf(w.t, w.copies); !slices.Equal(got, want) {
		w.t.Errorf("the backup holds %d lines, want %d\n got %q\nwant %q", len(got), len(want), got, want)
	}
}

// soon has objects sealed as soon as they are looked at.
func soon(s *stream.Stream) {
	s.Buffering.Interval = stream.Duration(time.Millisecond)
	if s.Backup != nil {
		s.Backup.Buffering.Interval = s.Buffering.Interval
	}
}

// down has every creation refused until it is false again.
func down(m *deliverytest.Memory) *atomic.Bool {
	away := new(atomic.Bool)
	away.Store(true)
	m.Hook(deliverytest.Create, func(context.Context, string) error {
		if away.Load() {
			return &delivery.Error{Op: deliverytest.Create, Class: delivery.Transient, Refused: true, Err: errors.New("away")}
		}
		return nil
	})
	return away
}

// A backup holds every record as it came in, those of the error output too, and is counted apart.
func TestBackupHoldsRecordsAsTheyCameIn(t *testing.T) {
	w := newBackedUp(t, func(s *stream.Stream) { s.ErrorPrefix = "errors/!{firehose:error-output-type}/" })
	records := []string{record("a", 1), "not json", record("b", 2), record("a", 3)}
	arrival := time.Now()
	w.log.Now = func() time.Time { return arrival }
	w.append(records...)
	w.start()
	w.drain()
	w.wantCopies(records...)
	if n := len(w.lines()); n != len(records) {
		t.Errorf("the destination holds %d lines, want %d", n, len(records))
	}
	for _, key := range w.copies.Keys() {
		if !strings.HasPrefix(key, fmt.Sprintf("copy/%d/s-1-", arrival.UTC().Year())) || !strings.HasSuffix(key, ".gz") {
			t.Errorf("the key of a copy is %s", key)
		}
	}
	books, copies := w.service.Books()["s"], w.service.Backups()["s"]
	if books.Delivered != 3 || books.Objects != 3 || books.Errors["processing-failed"] != 1 {
		t.Errorf("the books say %+v", books)
	}
	if copies.Delivered != 4 || copies.Objects != 1 || copies.Pending != 0 {
		t.Errorf("the backup's totals are %+v", copies)
	}
}

// A backup in the stream's own place, under its own prefix, has keys of its own.
func TestBackupBesideItsRecords(t *testing.T) {
	w := newBackedUp(t, func(s *stream.Stream) {
		s.Prefix, s.PartitionKeys, s.Backup.Prefix = "same/!{timestamp:yyyy}/", nil, "same/!{timestamp:yyyy}/"
	})
	w.copies = w.objects
	w.append("r")
	w.start()
	w.drain()
	w.want("same r", "same r")
}

// While one destination is away the other gets everything, is told so after a restart, and nothing is settled.
func TestOneOfTwoDestinationsAway(t *testing.T) {
	for _, backup := range []bool{true, false} {
		t.Run(fmt.Sprint("backup ", backup), func(t *testing.T) {
			w := newBackedUp(t, soon)
			w.cfg.Waiting = 2
			there, gone := w.objects, w.copies
			if !backup {
				there, gone = gone, there
			}
			away := down(gone)
			w.start()
			var records, keyed []string
			for i := range 60 {
				records = append(records, record("a", i))
				keyed = append(keyed, "key=a "+record("a", i))
			}
			arrived := func(n int) func() bool {
				return func() bool { return len(linesOf(t, there)) == n }
			}
			for i, r := range records[:40] {
				w.append(r)
				if i%10 == 9 { // several objects, more than may wait
					w.eventually("the records are there", arrived(i+1))
				}
			}
			stats := w.log.Stats().Streams[w.id]
			if stats.Pending != 40 || len(gone.Keys()) != 0 {
				t.Errorf("%d records are not settled, want 40; the destination that is away holds %q", stats.Pending, gone.Keys())
			}
			w.eventually("the trouble is told", func() bool {
				health := w.service.Health()
				return len(health) == 1 && health[0].Backup == backup && !health[0].Stopped
			})
			w.kill()
			w.start()
			w.append(records[40:]...)
			w.eventually("the rest is there too", arrived(60))
			away.Store(false)
			w.drain()
			w.want(keyed...)
			w.wantCopies(records...)
		})
	}
}

// A life may end at any commit or any upload of either destination; the next one goes on where each stood.
func TestBackupKilledAtEveryStep(t *testing.T) {
	var records, keyed []string
	for i := range 12 {
		key := string(rune('a' + i%2))
		records = append(records, record(key, i))
		keyed = append(keyed, "key="+key+" "+record(key, i))
	}
	for step, killed := 1, true; killed; step++ {
		w := newBackedUp(t, soon)
		killed = w.liveUntil(step, func() {
			w.start()
			for _, r := range records {
				w.append(r)
			}
		}, w.objects, w.copies)
		w.start()
		w.drain()
		w.want(keyed...)
		w.wantCopies(records...)
		if t.Failed() {
			t.Fatalf("killed at step %d", step)
		}
		if !killed && step < 6 {
			t.Fatalf("only %d steps in a whole life", step)
		}
	}
}

// A backup that is switched on, off and on again while the node runs holds what came in meanwhile.
func TestBackupSwitchedOnAndOff(t *testing.T) {
	for _, restart := range []bool{false, true} {
		t.Run(fmt.Sprint("restart ", restart), func(t *testing.T) {
			w := newBackedUp(t, soon)
			kept := w.def.Backup
			var want, all []string
			w.start()
			for i := range 6 {
				on := i%2 == 1
				w.redefine(func(s *stream.Stream) {
					s.Backup = nil
					if on {
						s.Backup = kept
					}
				})
				for n := range 10 {
					r := record("a", 10*i+n)
					all = append(all, "key=a "+r)
					if on {
						want = append(want, r)
					}
					w.append(r)
				}
				if restart {
					w.kill()
					w.start()
				}
				if i >= 2 {
					w.eventually("everything is settled", func() bool { return w.log.Stats().Streams[w.id].Pending == 0 })
				}
			}
			w.drain()
			w.want(all...)
			w.wantCopies(want...)
		})
	}
}

// A stream whose backup is over does not go on reading for it.
func TestBackupEnds(t *testing.T) {
	w := newBackedUp(t, soon)
	w.start()
	w.append("a")
	w.eventually("the backup is served", func() bool { return len(w.service.Backups()) == 1 })
	w.redefine(func(s *stream.Stream) { s.Backup = nil })
	w.eventually("the backup is over", func() bool {
		w.append("b")
		return len(w.service.Backups()) == 0
	})
	w.drain()
	w.wantCopies("a")
}

// What a deleted stream holds is given up for its backup too.
func TestBackupDiscarded(t *testing.T) {
	w := newBackedUp(t, soon)
	down(w.copies)
	w.start()
	w.append(record("a", 1), record("a", 2))
	w.eventually("the records are delivered", func() bool { return len(w.lines()) == 2 })
	w.service.Discard(w.id)
	w.eventually("everything is settled", func() bool { return w.log.Stats().Streams[w.id].Pending == 0 })
	w.look(func(l buffer.Lane) {
		for key := range l.State() {
			if key != "totals" {
				t.Errorf("%s is left", key)
			}
		}
	})
}

// Damage is passed by both, and counted once.
func TestBackupPassesDamage(t *testing.T) {
	w := newBackedUp(t, nil)
	var records []string
	for i := range 30 {
		records = append(records, record("a", i))
	}
	w.append(records...)
	w.log.Damage(w.id, 8, 14)
	w.start()
	w.drain()
	left := append(slices.Clone(records[:7]), records[14:]...)
	w.wantCopies(left...)
	if books := w.service.Books()["s"]; books.Delivered != 23 || books.Quarantined != 7 {
		t.Errorf("the books say %+v", books)
	}
}
