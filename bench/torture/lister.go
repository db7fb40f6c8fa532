package torture

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"hydrant/bench"
)

// Between two looks the lister pauses, the longer the more there is to see: it must not take the nodes' processors.
const (
	listPause = 200 * time.Millisecond
	listShare = 5 // a look's share of the time is one of so many parts at most
)

// lister looks at the store as a reader of its objects would, all the time: whatever is visible must be whole at once, and
// stay as it is.
type lister struct {
	store storeAccess
	notes *notes
	stop  context.CancelFunc
	done  sync.WaitGroup
	known map[string]seen
}

// watchStore begins to look. The caller finishes it.
func watchStore(ctx context.Context, store storeAccess, n *notes) *lister {
	l := &lister{store: store, notes: n, known: map[string]seen{}}
	ctx, l.stop = context.WithCancel(ctx)
	l.done.Go(func() {
		for ctx.Err() == nil {
			started := time.Now()
			if err := l.look(ctx); err != nil && ctx.Err() == nil {
				l.notes.problem("%v", err)
			}
			pause(ctx, max(listPause, (listShare-1)*time.Since(started)))
		}
	})
	return l
}

// finish ends the looking with a last look.
func (l *lister) finish(ctx context.Context) error {
	l.stop()
	l.done.Wait()
	return l.look(ctx)
}

func (l *lister) look(ctx context.Context) error {
	now, err := l.store.list(ctx, l.store.prefix)
	if err != nil {
		return err
	}
	for key, before := range l.known {
		if o, there := now[key]; !there {
			l.notes.problem("an object has vanished: %s", key)
			delete(l.known, key)
		} else if o != before {
			l.notes.problem("an object has changed: %s", key)
			l.known[key] = o
		}
	}
	for key, o := range now {
		if _, known := l.known[key]; known {
			continue
		}
		if err := l.check(ctx, key); err != nil {
			if ctx.Err() != nil {
				return nil // it is looked at again
			}
			l.notes.problem("an object was not whole when it was first seen: %s: %v", key, err)
		}
		l.known[key] = o
	}
	return nil
}

// check reads an object to its end and compares it with its metadata.
func (l *lister) check(ctx context.Context, key string) error {
	body, metadata, err := l.store.open(ctx, key)
	if err != nil {
		return err
	}
	defer body.Close()
	plain, err := bench.Decompress(body)
	if err != nil {
		return err
	}
	defer plain.Close() // what is wrong with it, reading has told
	lines, err := countLines(plain)
	if err != nil {
		return err
	}
	told, err := strconv.ParseInt(metadata["hydrant-records"], 10, 64)
	if err != nil || told != lines {
		return fmt.Errorf("it holds %d records, its metadata says %q", lines, metadata["hydrant-records"])
	}
	return nil
}

func countLines(r io.Reader) (lines int64, err error) {
	b := bufio.NewReaderSize(r, 64<<10)
	for {
		_, err := b.ReadSlice('\n')
		switch {
		case err == nil:
			lines++
		case errors.Is(err, io.EOF):
			return lines, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return lines, err
		}
	}
}
