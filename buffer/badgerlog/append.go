package badgerlog

import (
	"context"
	"errors"
	"fmt"

	"hydrant/buffer"
)

// Append implements buffer.Log.
func (l *Log) Append(ctx context.Context, b buffer.Batch) (buffer.Receipt, error) {
	size, err := batchSize(b)
	if err != nil {
		return buffer.Receipt{}, err
	}
	if err := ctx.Err(); err != nil {
		return buffer.Receipt{}, err
	}
	l.mu.Lock()
	l.awaitRoom(size)
	own, packedWith := l.packAlone(b, size)
	in, repeats, err := l.enter(b, size, own, packedWith)
	l.mu.Unlock()
	switch {
	case err != nil:
		return buffer.Receipt{}, err
	case repeats:
		return in.repeat(ctx, b.Key)
	}
	wake(l.work)
	return in.receipt, in.group.wait(ctx)
}

// enter puts a batch into the forming group, unless it repeats one: then what is known of that is returned. Called with mu
// held.
func (l *Log) enter(b buffer.Batch, size int, own []*packed, packedWith *buffer.DataKey) (in attempt, repeats bool, err error) {
	if first, ok := l.keys.find(b.Key.ID, l.keyClock()); ok && l.alive() == nil {
		return first, true, nil
	}
	lane, key, err := l.admit(b.Stream, size)
	if err != nil {
		return attempt{}, false, err
	}
	g, p := l.forming, l.forming.part(lane)
	receipt := buffer.Receipt{First: lane.next, Count: len(b.Records)}
	if key != packedWith {
		own = nil // a definition with another key came into force meanwhile
	}
	p.take(b.Records, size, own, l.cfg.now().UnixMilli(), key)
	lane.next += buffer.Seq(len(b.Records))
	g.bytes += size
	g.records += len(b.Records)
	g.batches++
	l.keys.begin(b.Key, receipt, g)
	return attempt{b.Key.Payload, receipt, g}, false, nil
}

// awaitRoom waits until the forming group takes size more bytes of records. Called with mu held, which it lets go meanwhile.
func (l *Log) awaitRoom(size int) {
	for !l.closed && l.incoming() > 0 && l.incoming()+size > groupLimit {
		l.room.Wait()
	}
}

// incoming is the size of the records that the next group takes. Called with mu held.
func (l *Log) incoming() int { return l.forming.bytes + l.packing }

// packAlone makes the blocks of a batch that gets blocks of its own, unless it is known or would be refused now, with the
// data key that it returns. Called with mu held, which it lets go meanwhile.
func (l *Log) packAlone(b buffer.Batch, size int) ([]*packed, *buffer.DataKey) {
	if size < ownBlocks {
		return nil, nil
	}
	if _, known := l.keys.find(b.Key.ID, l.keyClock()); known {
		return nil, nil
	}
	lane, key, err := l.admit(b.Stream, size)
	if err != nil {
		return nil, nil // enter says why
	}
	l.packing += size
	l.mu.Unlock()
	own := lane.packAlone(b.Records, key)
	l.mu.Lock()
	l.packing -= size
	l.room.Broadcast() // it may be refused now
	return own, key
}

func batchSize(b buffer.Batch) (int, error) {
	if len(b.Records) == 0 {
		return 0, errors.New("a batch needs a record")
	}
	size := 0
	for _, record := range b.Records {
		if len(record) > buffer.MaxRecord {
			return 0, fmt.Errorf("a record of %d bytes: the buffer takes at most %d", len(record), buffer.MaxRecord)
		}
		size += len(record)
	}
	return size, nil
}

// admit decides whether size more bytes of records may come in, and what they are encrypted with. Called with mu held.
func (l *Log) admit(id buffer.StreamID, size int) (*lane, *buffer.DataKey, error) {
	if err := l.alive(); err != nil {
		return nil, nil, err
	}
	lane, ok := l.lanes[id]
	if !ok {
		return nil, nil, fmt.Errorf("%w: %s", buffer.ErrUnknownStream, id)
	}
	if err := l.overHeadroom(size); err != nil {
		return nil, nil, err
	}
	if l.supply.out() && int64(size) > l.left() {
		return nil, nil, l.supply.full
	}
	if l.short != nil {
		return nil, nil, l.short
	}
	if err := l.overShare(lane, size); err != nil {
		return nil, nil, err
	}
	key, err := lane.dataKey()
	return lane, key, err
}

// What is left of the last generation for a while is for the changes of state that drain the log: of its capacity, records
// leave a quarter, and what is moved or derived leaves an eighth.
const (
	recordsLeave = 4
	othersLeave  = 8
)

// left is what the current generation still takes of records where it is the last one for a while. Called with mu held.
func (l *Log) left() int64 {
	if l.current == nil || l.current.reserved {
		return 0
	}
	return l.rest(recordsLeave)
}

// rest is what the current generation still takes, but for one part of so many of its capacity. Called with mu held.
func (l *Log) rest(parts int64) int64 {
	return l.current.capacity - l.committer.used.Load() - int64(l.forming.bytes) - l.current.capacity/parts
}
