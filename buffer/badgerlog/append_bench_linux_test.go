package badgerlog

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"hydrant/buffer"
)

// BenchmarkAppend is durable appends by several producers at once, each waiting for its answer. Its baseline, in the same
// run, is the raw disk: the same bytes in groups of the same mean size, appended to a file and synced. /raw is the ratio.
func BenchmarkAppend(b *testing.B) {
	for _, load := range []struct {
		producers, batch, size int
	}{{8, 500, 1024}, {64, 1, 512}} {
		for _, form := range []string{"json", "noise"} {
			b.Run(fmt.Sprintf("%dx%dx%d/%s", load.producers, load.batch, load.size, form), func(b *testing.B) {
				benchmarkAppend(b, load.producers, load.batch, load.size, form)
			})
		}
	}
}

func benchmarkAppend(b *testing.B, producers, batch, size int, form string) {
	bodies := benchBodies(64, batch, size, form)
	var groups, bytes, stored, waited atomic.Int64
	l, err := Open(Config{Dir: b.TempDir(), MaxDisk: 4 << 30, Observe: func(g Group) {
		groups.Add(1)
		bytes.Add(g.Bytes)
		stored.Add(g.Stored)
		waited.Add(int64(g.Sync))
	}})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	id := buffer.NewStreamID()
	if _, err := l.Define(b.Context(), buffer.Definition{Stream: id, Name: "s", Logic: 1}); err != nil {
		b.Fatal(err)
	}
	lane := l.lanes[id]
	var last, next atomic.Int64
	settled := make(chan struct{})
	stop := make(chan struct{})
	go func() { // what is delivered is dropped, as in a node that keeps up
		defer close(settled)
		for {
			select {
			case <-stop:
				return
			case <-time.After(200 * time.Millisecond):
				if err := lane.Commit(b.Context(), buffer.Change{Cursor: buffer.Seq(last.Load())}); err != nil {
					b.Error(err)
				}
			}
		}
	}()
	b.SetBytes(int64(batch * size))
	b.ReportAllocs()
	cpu, wrote := cpuTime(), written(b)
	b.ResetTimer()
	started := time.Now()
	var all sync.WaitGroup
	for range producers {
		all.Go(func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				r, err := l.Append(b.Context(), buffer.Batch{Stream: id, Records: bodies[i%int64(len(bodies))]})
				if err != nil {
					b.Error(err)
					return
				}
				last.Store(int64(r.First))
			}
		})
	}
	all.Wait()
	elapsed := time.Since(started)
	b.StopTimer()
	cpu, wrote = cpuTime()-cpu, written(b)-wrote
	close(stop)
	<-settled
	total := float64(b.N * batch * size)
	mean := int(bytes.Load() / max(groups.Load(), 1))
	b.ReportMetric(float64(mean)/1e6, "MB/group")
	b.ReportMetric(float64(stored.Load())/total, "stored/B")
	b.ReportMetric(float64(wrote)/total, "written/B")
	b.ReportMetric(cpu.Seconds()/total*1e9, "cpu-s/GB")
	b.ReportMetric(float64(waited.Load())/float64(elapsed), "syncing")
	b.ReportMetric(total/elapsed.Seconds()/rawDisk(b, mean, min(int(total), 1<<30)), "/raw")
}

// benchBodies are batches of JSON log lines, or of bytes that nothing compresses.
func benchBodies(count, batch, size int, form string) [][][]byte {
	random := rand.New(rand.NewPCG(1, 2))
	bodies := make([][][]byte, count)
	for i := range bodies {
		for range batch {
			record := make([]byte, 0, size+256)
			for form == "json" && len(record) < size {
				record = fmt.Appendf(record, `{"ts":"2026-11-%02dT%02d:%02d:%02d.%03dZ","host":"web-%02d.eu-west-1.internal","method":"GET","path":"/api/v2/items/%d/reviews","status":%d,"bytes":%d,"user":"u%08x","agent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.0.0 Safari/537.36"}`,
					random.IntN(30), random.IntN(24), random.IntN(60), random.IntN(60), random.IntN(1000), random.IntN(40), random.IntN(100000), 200+random.IntN(5)*100, random.IntN(100000), random.Uint32(), 90+random.IntN(40))
			}
			for form == "noise" && len(record) < size {
				record = append(record, byte(random.Uint32()))
			}
			bodies[i] = append(bodies[i], record[:size])
		}
	}
	return bodies
}

// rawDisk is how many bytes a second a file takes in groups of this size, each synced.
func rawDisk(b *testing.B, group, total int) float64 {
	f, err := os.Create(filepath.Join(b.TempDir(), "raw"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	data := make([]byte, max(group, 1))
	for i := range data {
		data[i] = byte(rand.Uint32())
	}
	started, wrote := time.Now(), 0
	for wrote < total && time.Since(started) < 5*time.Second {
		if _, err := f.Write(data); err != nil {
			b.Fatal(err)
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			b.Fatal(err)
		}
		wrote += len(data)
	}
	return float64(wrote) / time.Since(started).Seconds()
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// written is how many bytes this process has sent to disk.
func written(b *testing.B) int64 {
	data, err := os.ReadFile("/proc/self/io")
	if err != nil {
		b.Fatal(err)
	}
	var n int64
	for line := range strings.Lines(string(data)) {
		if _, err := fmt.Sscanf(line, "write_bytes: %d", &n); err == nil {
			return n
		}
	}
	return n
}
