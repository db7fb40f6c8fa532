package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"hydrant/bench"
	"hydrant/buffer"
	"hydrant/buffer/badgerlog"
	"hydrant/gateway"
	"hydrant/gateway/ingest"
)

// BenchmarkIngest is the way of records from a producer's connection to its answer, without delivery, beside the floor: a
// server that reads requests and answers, and does nothing else. Each runs for as long as -benchtime says, with the
// generator in the same process; /floor is the ratio of the rates.
func BenchmarkIngest(b *testing.B) {
	for _, load := range []struct {
		name                     string
		api                      string
		connections, batch, size int
	}{
		{"ndjson", bench.Native, 8, 500, 1024},
		{"putrecordbatch", bench.Firehose, 8, 500, 1024},
		{"single", bench.Native, 64, 1, 512},
	} {
		b.Run(load.name, func(b *testing.B) {
			o := bench.DefaultOptions()
			o.API, o.Connections, o.Batch, o.Size = load.api, load.connections, load.batch, load.size
			o.Duration = max(b.Elapsed(), 3*time.Second)
			floor := loadOn(b, startFloor(b), o)
			durable := loadOn(b, startIngest(b), o)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(durable.Measured.RecordsPS/floor.Measured.RecordsPS, "/floor")
			b.ReportMetric(durable.Measured.MBPS, "MB/s")
			b.ReportMetric(durable.Measured.RequestsPS, "req/s")
			b.ReportMetric(durable.Measured.Latency.P99, "p99-ms")
		})
	}
}

func loadOn(b *testing.B, address string, o bench.Options) *bench.Report {
	o.URL = []string{"http://" + address}
	cpu := processCPU()
	r, err := bench.Run(b.Context(), o, nil)
	if err != nil {
		b.Fatal(err)
	}
	if r.Refused+r.Unknown > 0 {
		b.Fatalf("not all was acknowledged: %+v", r.Failures)
	}
	b.Logf("%s: %.0f req/s, %.1f MB/s, p99 %.2f ms, %.2f CPU s/GB", address, r.Measured.RequestsPS, r.Measured.MBPS,
		r.Measured.Latency.P99, (processCPU()-cpu).Seconds()*1e3/r.Measured.Megabytes)
	return r
}

func startFloor(b *testing.B) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := &fasthttp.Server{MaxRequestBodySize: 64 << 20, Handler: func(rc *fasthttp.RequestCtx) {
		rc.SetContentType("application/json")
		rc.SetBodyString(`{"FailedPutCount":0,"records":1,"sequence":"0/1-1","duplicate":false}`)
	}}
	go func() { _ = server.Serve(listener) }() // ends with the benchmark
	b.Cleanup(func() { _ = server.Shutdown() })
	return listener.Addr().String()
}

// startIngest settles what it takes, as delivery would.
func startIngest(b *testing.B) string {
	var groups, bytes, stored, syncing atomic.Int64
	b.Cleanup(func() {
		n := float64(max(groups.Load(), 1))
		b.Logf("%.0f groups of %.0f kB, %.0f kB stored, %.2f ms in the disk", n, float64(bytes.Load())/n/1e3, float64(stored.Load())/n/1e3, float64(syncing.Load())/n/1e6)
	})
	log, err := badgerlog.Open(badgerlog.Config{Dir: filepath.Join(b.TempDir(), "buffer"), MaxDisk: 4 << 30, Observe: func(g badgerlog.Group) {
		groups.Add(1)
		bytes.Add(g.Bytes)
		stored.Add(g.Stored)
		syncing.Add(int64(g.Sync))
	}})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	id := buffer.NewStreamID()
	if _, err := log.Define(ctx, buffer.Definition{Stream: id, Name: "demo", Logic: 1}); err != nil {
		b.Fatal(err)
	}
	catalog := new(ingest.Catalog)
	catalog.Set([]ingest.Stream{{ID: id, Name: "demo", Accepting: true}})
	server, err := gateway.New(gateway.Config{Listen: "127.0.0.1:0"}, gateway.Deps{Log: log, Catalog: catalog, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	address, err := server.Listen()
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = server.Serve() }() // ends with the benchmark
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = log.Serve(ctx, settleAll) // ends with the context
	}()
	b.Cleanup(func() {
		if err := server.Shutdown(context.Background()); err != nil {
			b.Error(err)
		}
		cancel()
		<-served
		if err := log.Close(); err != nil {
			b.Error(err)
		}
	})
	return address.String()
}

func settleAll(ctx context.Context, lane buffer.Lane) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if head := lane.Info().Head; head > 0 {
				if err := lane.Commit(ctx, buffer.Change{Cursor: head - 1}); err != nil && ctx.Err() == nil {
					return fmt.Errorf("settle: %w", err)
				}
			}
		}
	}
}

func processCPU() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
