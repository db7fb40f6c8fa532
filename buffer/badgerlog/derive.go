package badgerlog

import (
	"errors"
	"fmt"

	"hydrant/buffer"
)

// A stream's derived lane is a lane like any other: its blocks, cursor, versions and entries lie under its own id, and
// only Commit of its source appends to it. What is derived may not wait for room that only deriving can make: where a
// stream derives, records are refused earlier, and what is derived is not.

// MinDeriving is the least max_disk of a log with streams that derive.
const MinDeriving = 128 << 20

// headroom is what records leave free for deriving: space to move the largest generation, as much again to derive into
// meanwhile, and what is lost to the sizes of generations.
func (l *Log) headroom() int64 {
	largest := max(min(l.cfg.MaxDisk/12, maxCapacity), minCapacity)
	return 2*generationSpace(largest) + 3*generationSpace(minCapacity)
}

// overHeadroom refuses records, where any stream derives, while it could not derive much more. Called with mu held.
func (l *Log) overHeadroom(size int) error {
	if l.deriving.streams == 0 {
		return nil
	}
	limit := l.cfg.MaxDisk - l.headroom()
	if used := l.disk() + int64(l.forming.bytes+size); used > limit || l.deriving.lean {
		return &buffer.FullError{
			Used: used, Limit: limit,
			Reason: "what is left of buffer.max_disk or of the disk is kept for the answers of functions",
		}
	}
	return nil
}

// derive gives a lane that was found at start its derived lane.
func (l *lane) derive() {
	l.derived = newLane(l.log, l.id.Derived(), l.name)
	l.log.deriving.streams++
}

// awaitRoomFor waits until the forming group takes what is derived, as Append does, and returns its size.
func (l *Log) awaitRoomFor(d *buffer.Derivation) (size int, err error) {
	if d == nil {
		return 0, nil
	}
	if len(d.Records) == 0 {
		return 0, errors.New("a derivation needs a record")
	}
	for _, r := range d.Records {
		if len(r.Data) > buffer.MaxDerived {
			return 0, fmt.Errorf("a derived record of %d bytes: the buffer takes at most %d", len(r.Data), buffer.MaxDerived)
		}
		size += len(r.Data)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.awaitRoom(size)
	return size, nil
}

// admitDerived decides whether a derivation may come in: only as long as what is live in the oldest generation could still
// be moved, since nothing else is sure to make room. Called with Log.mu held.
func (l *lane) admitDerived(d *buffer.Derivation, size int) error {
	switch {
	case d == nil:
		return nil
	case l.derived == nil:
		return fmt.Errorf("stream %s was not defined to derive records", l.name)
	case d.Version.Number < l.derived.coming.Number:
		return fmt.Errorf("records of version %d are derived after some of version %d", d.Version.Number, l.derived.coming.Number)
	}
	log := l.log
	if oldest := log.gens[0]; oldest == log.current || log.roomToDerive(int64(size)) >= oldest.liveBytes.Load()+2*generationSpace(minCapacity) {
		log.deriving.starved = false
		return nil
	}
	log.deriving.starved = true
	wake(log.kick)
	return &buffer.FullError{
		Used: log.disk(), Limit: log.cfg.MaxDisk,
		Reason: fmt.Sprintf("no room is left for the answers of the function of stream %s", l.name),
	}
}

// roomToDerive is the space for further generations once size bytes more are taken. Called with mu held.
func (l *Log) roomToDerive(size int64) int64 {
	room := l.cfg.MaxDisk - l.disk()
	if l.supply.ready != nil {
		room += l.supply.ready.capacity
	}
	rest := int64(0)
	if l.current != nil && !l.current.reserved {
		rest = l.rest(othersLeave)
	}
	if rest < size {
		room -= size
	}
	return room
}

// starves reports whether a derivation was refused for want of room although what is settled would make some, if what
// lies before it were moved: at any price then.
func (l *Log) starves() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	var dead int64
	for _, g := range l.gens {
		if g != l.current {
			dead += g.allocated.Load() - g.liveBytes.Load()
		}
	}
	return l.deriving.starved && dead >= generationSpace(minCapacity)
}

// derivedKey is what a derivation is encrypted with: as the records it is made of, so that the version which it is read under
// says that the key is needed. Called with Log.mu held.
func (l *lane) derivedKey(d *buffer.Derivation) (*buffer.DataKey, error) {
	if d == nil {
		return nil, nil
	}
	l.derived.key = d.Version.Key
	return l.derived.dataKey()
}

// derive appends to a derived lane. The version of its records is written down with the first of them, and again while it
// is not known to be durable: with the same first record, so that it does not matter which of the writings lasts. Called
// with Log.mu held.
func (g *group) derive(lane *lane, d *buffer.Derivation, size int, key *buffer.DataKey) {
	if d == nil {
		return
	}
	p := g.part(lane)
	if d.Version.Number != lane.coming.Number {
		lane.coming = version{d.Version, lane.next}
		p.broken = true // a block is read under one version
	}
	if lane.lastVersion().Number != d.Version.Number {
		g.changes = append(g.changes, change{
			stateKey: stateKey{kindVersion, lane.id, versionKey(d.Version.Number)},
			value:    encodeVersion(lane.coming),
		})
	}
	for _, r := range d.Records {
		p.add(r.Data, r.Arrival, key)
	}
	p.records += len(d.Records)
	p.bytes += int64(size)
	lane.next += buffer.Seq(len(d.Records))
	g.bytes += size
	g.records += len(d.Records)
}
