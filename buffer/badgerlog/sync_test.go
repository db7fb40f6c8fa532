package badgerlog

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"hydrant/buffer"
)

// covered is the last sequence that a synced database holds.
func covered(db *badger.DB) (last uint64, err error) {
	err = db.View(func(txn *badger.Txn) error {
		o := badger.DefaultIteratorOptions
		o.Prefix = []byte{'b'}
		it := txn.NewIterator(o)
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			err := it.Item().Value(func(data []byte) error {
				h, err := buffer.ParseHeader(data)
				last = max(last, uint64(h.Last()))
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return last, err
}

// No append returns before the sync that covers it, however many run at once.
func TestNoAnswerBeforeItsSync(t *testing.T) {
	t.Parallel()
	var durable atomic.Uint64
	r := openRig(t, Config{Dir: t.TempDir(), sync: func(g *generation) error {
		last, err := covered(g.db) // before the sync: only what the sync was asked for counts
		if err = errors.Join(err, g.sync()); err == nil {
			durable.Store(max(last, durable.Load()))
		}
		return err
	}})
	var producers sync.WaitGroup
	for range 16 {
		producers.Go(func() {
			for range 25 {
				seq, err := r.add([]byte("x"))
				if synced := durable.Load(); err != nil || uint64(seq) > synced {
					t.Errorf("record %d was acknowledged when records up to %d were synced: %v", seq, synced, err)
					return
				}
			}
		})
	}
	producers.Wait()
	if got := durable.Load(); got != 16*25 {
		t.Errorf("%d records were synced", got)
	}
}
