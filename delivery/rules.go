package delivery

import (
	"cmp"
	"fmt"
	"time"

	"hydrant/buffer"
	"hydrant/delivery/format"
	"hydrant/partitioner"
	"hydrant/stream"
)

// rules are what one config version says about membership, key and content on one track. They belong to one lane.
type rules struct {
	version     uint64
	stream      stream.Stream            // as seen from the track
	partitioner *partitioner.Partitioner // nil where no record of the version takes the track
	codec       format.Codec
	extension   string // of objects' keys, with its dot; empty if there is none
	delimiter   []byte
	zone        *time.Location
	open        map[string]*object // by partition
	private     bool               // records are encrypted on the node's disk: nothing of them goes to scratch
}

// newRules reads a version. What was made by a function is transformed; what is to be given to one takes another track.
func newRules(v *buffer.Version, t track, transformed bool) (*rules, error) {
	fault := func(err error) error {
		return fmt.Errorf("version %d of the stream's definition cannot be used: %w", v.Number, err)
	}
	if v.Logic > partitioner.Logic {
		return nil, fault(fmt.Errorf("it needs partitioner logic %d, this program knows up to %d: start a newer one", v.Logic, partitioner.Logic))
	}
	s, err := stream.Decode(v.Data)
	if err != nil {
		return nil, fault(err)
	}
	r := &rules{version: v.Number, open: map[string]*object{}, private: v.Key != 0}
	s, taken := t.view(s)
	if r.stream = s; !taken || t == mainTrack && s.Transform != nil && !transformed {
		return r, nil
	}
	if s.Delimiter != nil {
		r.delimiter = []byte(*s.Delimiter)
	}
	if r.partitioner, err = partitioner.New(s); err != nil {
		return nil, fault(err)
	}
	if r.zone, err = stream.LoadZone(s.TimeZone); err != nil {
		return nil, fault(err)
	}
	if r.codec, err = format.ByName(s.Compression); err != nil {
		return nil, fault(err)
	}
	r.extension = cmp.Or(s.FileExtension, r.codec.Extension())
	return r, nil
}

// delimiterOf is what ends an output in its object. A line of the error output brings its own end.
func (r *rules) delimiterOf(out *partitioner.Output) []byte {
	if out.Error != "" {
		return nil
	}
	return r.delimiter
}

// appendPartition names the partition of an output within its version: the error output type, and the prefix.
func appendPartition(dst []byte, o *partitioner.Output) []byte {
	dst = append(dst, o.Error...)
	dst = append(dst, 0)
	return append(dst, o.Prefix...)
}

// rulesOf returns the rules of a block's version.
func (l *lane) rulesOf(v *buffer.Version) (*rules, error) {
	if v == nil {
		return nil, fmt.Errorf("the buffer has lost the definition that the records above %d were taken under", l.ledger.position)
	}
	if r, ok := l.rules[v.Number]; ok {
		return r, nil
	}
	r, err := newRules(v, l.track, l.info.ID.IsDerived())
	if err != nil {
		return nil, err
	}
	l.rules[v.Number] = r
	return r, nil
}

// triggers takes up the buffering hints and bounds in force now, whatever version the records are read under.
func (l *lane) triggers(r *rules) {
	if !l.retune() {
		l.buffering, l.partitions = r.stream.Buffering, r.stream.Partitions
	}
}

// retune takes up those of the definition, if there is one.
func (l *lane) retune() bool {
	s, ok := l.definition()
	if ok {
		l.buffering, l.partitions = s.Buffering, s.Partitions
	}
	return ok
}

// definition is the one in force now, as seen from the track; false where the stream is not configured any more, or sends
// nothing there.
func (l *lane) definition() (stream.Stream, bool) {
	s, ok := l.service.deps.Current(l.info.Name)
	if !ok {
		return s, false
	}
	return l.track.view(s)
}
