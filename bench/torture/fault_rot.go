package torture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hydrant/bench"
)

// bitFlips flips a few bits in the files of a buffer that a killed node left.
func bitFlips(ctx context.Context, b *bed, random *rand.Rand) (int, error) {
	return b.rot(ctx, random, func(path string, size int64) error {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		var octet [1]byte
		at := random.Int64N(size)
		if _, err := f.ReadAt(octet[:], at); err != nil {
			return err
		}
		octet[0] ^= 1 << random.IntN(8)
		_, err = f.WriteAt(octet[:], at)
		return err
	})
}

// tornTail cuts a file of such a buffer.
func tornTail(ctx context.Context, b *bed, random *rand.Rand) (int, error) {
	return b.rot(ctx, random, func(path string, size int64) error {
		return os.Truncate(path, size-1-random.Int64N(min(size, 64<<10)))
	})
}

// rot loads a node of its own, kills it, damages a file of its buffer, and has it deliver what is left. What is lost must
// be told: no record is missing that the node does not count as quarantined. A change of state that was lost may deliver
// records twice; that is noted.
func (b *bed) rot(ctx context.Context, random *rand.Rand, damage func(path string, size int64) error) (met int, err error) {
	n, err := b.ownNode(ctx, usualForm)
	if err != nil {
		return 0, err
	}
	ledger := filepath.Join(n.dir, "ledger")
	o := loadOn(n)
	o.Batch, o.Connections, o.Duration, o.Ledger = 20, 4, between(random, 500*time.Millisecond, 2*time.Second), ledger
	if _, err := bench.Run(ctx, o, nil); err != nil {
		return 0, err
	}
	n.kill()
	path, err := b.damageOne(n, random, damage)
	if err != nil {
		return 0, err
	}
	if err := n.launch(ctx); err != nil {
		return 0, err
	}
	if err := n.delivered(ctx); err != nil {
		return 0, fmt.Errorf("after damage of %s: %w", path, err)
	}
	m, err := n.metrics(ctx)
	if err != nil {
		return 0, err
	}
	if err := n.terminate(); err != nil {
		return 0, err
	}
	verdict, err := b.store.verify(ctx, n.prefix, []string{ledger})
	if err != nil {
		return 0, err
	}
	told := int64(m["hydrant_quarantined_records_total"])
	if strings.Contains(n.output(), lastGroup) {
		told += int64(o.Connections * o.Batch)
	}
	b.notes.damage(path, verdict, told)
	return 1, nil
}

// lastGroup is what a node says of the group at the end of its buffer, where nothing tells whether it was acknowledged before
// it was lost. It holds at most a request of each connection.
const lastGroup = "unacknowledged or lost"

// damageOne damages a file of the buffer at random. What a file holds decides little of how often it is chosen: the small
// ones matter as much.
func (b *bed) damageOne(n *node, random *rand.Rand, damage func(path string, size int64) error) (chosen string, err error) {
	var paths []string
	err = filepath.WalkDir(filepath.Join(n.data(), "buffer"), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() && entry.Name() != "LOCK" && entry.Name() != "reserve" {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		return "", err
	}
	slices.Sort(paths)
	for len(paths) > 0 {
		i := random.IntN(len(paths))
		if written, err := writtenSize(paths[i]); err != nil || written > 0 {
			if err == nil {
				err = damage(paths[i], written)
			}
			return paths[i], err
		}
		paths = slices.Delete(paths, i, i+1)
	}
	return "", n.errorf("its buffer has no file to damage")
}

// writtenSize is a file's size without the zeros at its end: files are allocated before they are written.
func writtenSize(path string) (int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	block := make([]byte, 64<<10)
	for err == nil && size > 0 {
		from := max(0, size-int64(len(block)))
		var n int
		if n, err = f.ReadAt(block[:size-from], from); errors.Is(err, io.EOF) {
			err = nil
		}
		if last := len(bytes.TrimRight(block[:n], "\x00")); last > 0 {
			return from + int64(last), err
		}
		size = from
	}
	return 0, err
}
