package memlog

import (
	"time"

	"hydrant/buffer"
)

// keys remembers the receipts of batches with a key.
type keys struct {
	window buffer.Window
	byID   map[buffer.KeyID]answered
	order  []buffer.KeyID // of arrival
	early  int64
}

// answered is a batch that was stored.
type answered struct {
	payload uint64
	receipt buffer.Receipt
	at      time.Duration
}

// repeat answers a batch with the same key.
func (a answered) repeat(key buffer.Key) (buffer.Receipt, error) {
	if a.payload != key.Payload {
		return buffer.Receipt{}, buffer.ErrKeyReused
	}
	a.receipt.Duplicate = true
	return a.receipt, nil
}

func (k *keys) find(id buffer.KeyID, now time.Duration) (answered, bool) {
	for len(k.order) > 0 && now-k.byID[k.order[0]].at >= k.window.Age {
		k.forgetOldest()
	}
	found, ok := k.byID[id]
	return found, ok
}

func (k *keys) add(key buffer.Key, receipt buffer.Receipt, now time.Duration) {
	if len(k.order) == k.window.Keys {
		k.forgetOldest()
		k.early++
	}
	if k.byID == nil {
		k.byID = map[buffer.KeyID]answered{}
	}
	k.byID[key.ID] = answered{key.Payload, receipt, now}
	k.order = append(k.order, key.ID)
}

func (k *keys) forgetOldest() {
	delete(k.byID, k.order[0])
	k.order = k.order[1:]
}

var started = time.Now()

func (l *Log) keyClock() time.Duration {
	if l.Elapsed != nil {
		return l.Elapsed()
	}
	return time.Since(started)
}
