package badgerlog

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hydrant/buffer"
)

func entry(n int, at int64) keyEntry {
	e := keyEntry{payload: uint64(n), first: buffer.Seq(n + 1), at: at, count: 1}
	binary.LittleEndian.PutUint64(e.id[:], uint64(n+1))
	return e
}

// The table against a map that is searched from end to end: additions, time, generations written anew and dropped.
func TestKeyTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const window = 100
		limit := rapid.IntRange(1, 3000).Draw(t, "limit")
		table := newKeyTable(buffer.Window{Age: window * time.Millisecond, Keys: limit})
		var model []keyEntry // in the order of arrival
		var now, early int64
		oldest, newest := uint64(1), uint64(1)
		expire := func() {
			for len(model) > 0 && model[0].at+window <= now {
				model = model[1:]
			}
		}
		add := func(n int) {
			if _, known := table.find(entry(n, 0).id, now); known {
				return
			}
			table.add(entry(n, now), newest)
			e := entry(n, now)
			e.generation = uint32(newest)
			expire()
			if model = append(model, e); len(model) > limit {
				model, early = model[1:], early+1
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) { add(rapid.IntRange(0, 50).Draw(t, "key")) },
			"add many": func(t *rapid.T) {
				from := rapid.IntRange(0, 1<<20).Draw(t, "from")
				for n := range rapid.IntRange(1, 2000).Draw(t, "keys") {
					add(from + n)
				}
			},
			"wait":   func(t *rapid.T) { now += rapid.Int64Range(1, window).Draw(t, "time") },
			"rotate": func(*rapid.T) { newest++ },
			"drop": func(*rapid.T) {
				if oldest == newest {
					return
				}
				from, to := &generation{id: oldest}, &generation{id: newest}
				for table.heldBy(from) > 0 {
					table.move(table.section(from), from, to)
				}
				for i := range model {
					if model[i].generation == uint32(oldest) {
						model[i].generation = uint32(newest)
					}
				}
				oldest++
			},
			"": func(t *rapid.T) {
				table.expire(now)
				expire()
				if len(table.position) != len(model) || table.early != early {
					t.Fatalf("%d keys, %d early, want %d and %d", len(table.position), table.early, len(model), early)
				}
				held := map[uint32]int{}
				for _, e := range model {
					held[e.generation]++
					if a, ok := table.find(e.id, now); !ok || a.payload != e.payload || a.receipt.First != e.first {
						t.Fatalf("key %d: %+v, known %v", e.payload, a, ok)
					}
				}
				for g := oldest; g <= newest; g++ {
					if got := table.heldBy(&generation{id: g}); got != held[uint32(g)] {
						t.Fatalf("generation %d holds %d keys, want %d", g, got, held[uint32(g)])
					}
				}
			},
		})
	})
}

func TestKeysRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		clock := rapid.Int64Range(0, 1<<50).Draw(t, "clock")
		var want []keyEntry
		for range rapid.IntRange(0, 10).Draw(t, "keys") {
			e := keyEntry{
				payload: rapid.Uint64().Draw(t, "payload"),
				first:   buffer.Seq(rapid.Uint64().Draw(t, "first")),
				count:   rapid.Uint32().Draw(t, "count"),
				at:      clock - rapid.Int64Range(0, clock).Draw(t, "age"),
			}
			copy(e.id[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
			want = append(want, e)
		}
		data := appendKeys(nil, clock, want)
		gotClock, got, err := decodeKeys(data)
		if err != nil || gotClock != clock || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("got %d %v %v, want %d %v", gotClock, got, err, clock, want)
		}
		if len(data) > 0 {
			if _, _, err := decodeKeys(data[:len(data)-1]); err == nil {
				t.Fatal("keys that end too early were read")
			}
		}
	})
}

func FuzzKeysDecode(f *testing.F) {
	f.Add(appendKeys(nil, 1000, []keyEntry{entry(1, 1000), entry(2, 7)}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, entries, err := decodeKeys(data); err == nil && len(entries)*27 > len(data) {
			t.Fatalf("%d keys in %d bytes", len(entries), len(data))
		}
	})
}

// BenchmarkKeyTable is a full table: what one more key costs, and what all of them take.
func BenchmarkKeyTable(b *testing.B) {
	table := newKeyTable(buffer.DefaultWindow)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for n := range buffer.DefaultWindow.Keys {
		table.add(entry(n, 0), 1)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	n := buffer.DefaultWindow.Keys
	for b.Loop() {
		table.add(entry(n, 0), 1)
		n++
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(buffer.DefaultWindow.Keys), "B/key")
	runtime.KeepAlive(&table)
}
