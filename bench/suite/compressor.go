package suite

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"

	"hydrant/bench/machine"
)

// pieceSize is what a compressor is given at once.
const pieceSize = 1 << 20

// newCompressor returns the fastest level of a codec. The result is good until the next call; one goroutine calls it.
func newCompressor(codec string) (func(piece []byte) ([]byte, error), error) {
	var out bytes.Buffer
	switch codec {
	case "gzip":
		w, err := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed)
		return func(piece []byte) ([]byte, error) {
			out.Reset()
			w.Reset(&out)
			if _, err := w.Write(piece); err != nil {
				return nil, err
			}
			return out.Bytes(), w.Close()
		}, err
	case "zstd":
		w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
		var compressed []byte
		return func(piece []byte) ([]byte, error) {
			compressed = w.EncodeAll(piece, compressed[:0])
			return compressed, nil
		}, err
	case "snappy":
		var compressed []byte
		return func(piece []byte) ([]byte, error) {
			compressed = s2.EncodeSnappy(compressed[:cap(compressed)], piece)
			return compressed, nil
		}, nil
	}
	return nil, fmt.Errorf("there is no compressor %q", codec)
}

// compressed is what compressors did together.
type compressed struct {
	in, out atomic.Int64 // bytes
}

// compress runs a compressor in each of the workers over the records again and again, each from a place of its own.
func compress(ctx context.Context, codec string, records []byte, workers int, d time.Duration) (*compressed, error) {
	done := new(compressed)
	pieces := (len(records) + pieceSize - 1) / pieceSize
	group, ctx := errgroup.WithContext(ctx)
	start := time.Now()
	for worker := range workers {
		group.Go(func() error {
			run, err := newCompressor(codec)
			if err != nil {
				return err
			}
			for i := worker * pieces / workers; ctx.Err() == nil; i++ {
				at := i % pieces * pieceSize
				piece := records[at:min(at+pieceSize, len(records))]
				out, err := run(piece)
				if err != nil {
					return err
				}
				done.in.Add(int64(len(piece)))
				done.out.Add(int64(len(out)))
				if time.Since(start) >= d {
					return nil
				}
			}
			return ctx.Err()
		})
	}
	return done, group.Wait()
}

// bareCompressor measures a codec on an input: on one core, and on all of them.
func (b *bed) bareCompressor(ctx context.Context, codec string, in input) (Side, error) {
	records, err := os.ReadFile(b.input(in))
	if err != nil {
		return Side{}, err
	}
	side := Side{Name: "compressor", Figures: Figures{}}
	for figure, workers := range map[string]int{megabytesPS: 1, compressorMBP: machine.This().Cores} {
		before, start := processorTime(), time.Now()
		done, err := compress(ctx, codec, records, workers, b.options.Duration/2)
		if err != nil {
			return Side{}, err
		}
		bytes := float64(done.in.Load())
		side.Figures[figure] = bytes / 1e6 / time.Since(start).Seconds()
		side.Figures[serverCPU] = (processorTime() - before).Seconds() / (bytes / 1e9)
		side.Figures[compression] = ratio(bytes, float64(done.out.Load()))
	}
	return side, nil
}
