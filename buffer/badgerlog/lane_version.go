package badgerlog

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"hydrant/buffer"
)

// version is a definition in force from one sequence on, as the log keeps it.
type version struct {
	buffer.Version
	first buffer.Seq
}

// setVersion takes in a change of the versions. Called with Log.mu held, or before the log is in use.
func (l *lane) setVersion(c *change) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.versions = slices.DeleteFunc(l.versions, func(v version) bool { return versionKey(v.Number) == c.key })
	if v, err := decodeVersion(c.key, c.value); err == nil && !c.deleted {
		l.versions = append(l.versions, v)
		slices.SortFunc(l.versions, func(a, b version) int { return cmp.Compare(a.Number, b.Number) })
	}
	l.only = nil
	if len(l.versions) == 1 {
		l.only = []buffer.Version{l.versions[0].Version}
	}
	if slices.ContainsFunc(l.versions, func(v version) bool { return v.Key != 0 }) {
		l.log.locking[l] = struct{}{}
	} else {
		delete(l.log.locking, l)
	}
}

// lastVersion is the newest one; its number is 0 where there is none.
func (l *lane) lastVersion() version {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.versions) == 0 {
		return version{}
	}
	return l.versions[len(l.versions)-1]
}

// versionAt is the version in force at a sequence. Called with mu held.
func (l *lane) versionAt(s buffer.Seq) *buffer.Version {
	for _, v := range slices.Backward(l.versions) {
		if v.first <= s {
			return &v.Version
		}
	}
	return nil
}

// versionsInUse are the lane's versions that are needed, and its newest one.
func (l *lane) versionsInUse() (needed []buffer.Version, newest buffer.Version) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.versions); n > 0 {
		newest = l.versions[n-1].Version
	}
	return l.needed(), newest
}

// needed are the versions that a record above the cursor may need, and of a lane that is not derived the one in force. Others
// may lie in the state until the cursor moves: of a stream that has nothing pending, a new definition makes the one before it
// needless at once. Called with mu held; the versions must not be changed.
func (l *lane) needed() (out []buffer.Version) {
	if l.only != nil && !l.id.IsDerived() {
		return l.only // in force
	}
	for i, v := range l.versions {
		next := l.books.next
		if i+1 < len(l.versions) {
			next = l.versions[i+1].first
		} else if !l.id.IsDerived() {
			next++ // of the record that may come
		}
		if next > l.cursor+1 {
			out = append(out, v.Version)
		}
	}
	return out
}

// retired are the versions that no record above the cursor was appended under. Called with mu held.
func (l *lane) retired(cursor buffer.Seq) []change {
	var changes []change
	for i := 0; i+1 < len(l.versions) && l.versions[i+1].first <= cursor+1; i++ {
		changes = append(changes, change{stateKey: stateKey{kindVersion, l.id, versionKey(l.versions[i].Number)}, deleted: true})
	}
	return changes
}

// keyed marks a version with a data key, in the first sequence, which is never so large.
const keyed = 1 << 63

// encodeVersion is first sequence, 8 bytes; logic, 4 bytes; where the sequence is marked with keyed the id of the data key,
// 4 bytes; data.
func encodeVersion(v version) []byte {
	first := uint64(v.first)
	if v.Key != 0 {
		first |= keyed
	}
	out := binary.LittleEndian.AppendUint64(nil, first)
	out = binary.LittleEndian.AppendUint32(out, v.Logic)
	if v.Key != 0 {
		out = binary.LittleEndian.AppendUint32(out, uint32(v.Key))
	}
	return append(out, v.Data...)
}

func decodeVersion(key string, value []byte) (version, error) {
	if len(key) != 8 || len(value) < 12 {
		return version{}, fmt.Errorf("%w: version of %d bytes", errGroupDamaged, len(value))
	}
	first := binary.LittleEndian.Uint64(value)
	v := version{Version: buffer.Version{
		Number: binary.BigEndian.Uint64([]byte(key)),
		Logic:  binary.LittleEndian.Uint32(value[8:]),
		Data:   value[12:],
	}}
	if first&keyed != 0 {
		if len(value) < 16 {
			return version{}, fmt.Errorf("%w: version of %d bytes", errGroupDamaged, len(value))
		}
		v.Key, v.Data = buffer.DataKeyID(binary.LittleEndian.Uint32(value[12:])), value[16:]
	}
	v.first = buffer.Seq(first &^ keyed)
	return v, nil
}

func versionKey(number uint64) string { return string(binary.BigEndian.AppendUint64(nil, number)) }
