package suite

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// rawDisk appends the records of an input to one file in groups of the given size, each followed by a sync, for the time
// given and for one group at least. It measures what any log on this disk could reach with such groups.
func (b *bed) rawDisk(ctx context.Context, name string, in input, group float64, d time.Duration) (Side, error) {
	records, err := os.ReadFile(b.input(in))
	if err != nil {
		return Side{}, err
	}
	path := filepath.Join(b.dir, "raw")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return Side{}, err
	}
	defer os.Remove(path)
	defer f.Close()
	figures, err := appendGroups(ctx, f, records, max(1, int(group)), d)
	return Side{Name: name, Figures: figures}, err
}

func appendGroups(ctx context.Context, f *os.File, records []byte, group int, d time.Duration) (Figures, error) {
	cycle := len(records)
	pieces := bytes.Repeat(records, 2+group/cycle) // so that a group may begin anywhere in the first cycle
	var syncs []float64
	before, start, written := processorTime(), time.Now(), 0
	for at := 0; written == 0 || time.Since(start) < d; at = (at + group) % cycle {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		began := time.Now()
		if _, err := f.Write(pieces[at : at+group]); err != nil {
			return nil, fmt.Errorf("write the raw disk's baseline: %w", err)
		}
		if err := syncData(f); err != nil {
			return nil, fmt.Errorf("sync the raw disk's baseline: %w", err)
		}
		syncs = append(syncs, float64(time.Since(began))/1e6)
		written += group
	}
	seconds, gigabytes := time.Since(start).Seconds(), float64(written)/1e9
	slices.Sort(syncs)
	return Figures{
		megabytesPS: gigabytes * 1e3 / seconds,
		serverCPU:   (processorTime() - before).Seconds() / gigabytes,
		groupBytes:  float64(group),
		syncP50:     median(syncs),
		syncP99:     syncs[len(syncs)*99/100],
	}, nil
}
