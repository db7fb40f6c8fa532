package expr

import (
	"math"
	"time"
)

// Evaluator evaluates one template again and again. Everything but the values of the keys is rendered once and copied for
// every record of the same bucket: the span around its time in which no letter of the template changes. It is for one
// goroutine.
type Evaluator struct {
	template  *Template
	zone      *time.Location
	names     zoneNames
	errorType string
	unit      time.Duration // the template's finest, a day at most; 0 without a timestamp

	current *bucket             // of the last time
	kept    [keptBuckets]bucket // in the order in which they were rendered, oldest at next
	next    int
}

// keptBuckets is enough for a day of hours: event times come in no order.
const keptBuckets = 32

// bucket is what was rendered for a span of time, from <= Unix milliseconds < until.
type bucket struct {
	from, until int64
	fixed       []byte // the prefix without the values of its keys
	slots       []slot // where those go, in order
}

// slot is the place of a key's value: in front of fixed[at].
type slot struct {
	key int
	at  int
}

func (b *bucket) holds(unixMilli int64) bool { return b.from <= unixMilli && unixMilli < b.until }

// Evaluator returns an evaluator of the template. Time is told in zone; errorType is what the error output type stands
// for.
func (t *Template) Evaluator(zone *time.Location, errorType string) *Evaluator {
	e := &Evaluator{template: t, zone: zone, errorType: errorType, unit: min(t.Finest(), day)}
	if t.namesZones() {
		e.names = namesOf(zone.String())
	}
	e.find(0)
	return e
}

// Append appends the prefix for a time in Unix milliseconds. The values are those of the template's Keys, in that order;
// they are escaped on the way (AppendEscaped). Random strings are left for later: see RandomString.
func (e *Evaluator) Append(dst []byte, unixMilli int64, values [][]byte) []byte {
	b := e.current
	if !b.holds(unixMilli) {
		b = e.find(unixMilli)
	}
	start := 0
	for _, s := range b.slots {
		dst = append(dst, b.fixed[start:s.at]...)
		dst = AppendEscaped(dst, values[s.key])
		start = s.at
	}
	return append(dst, b.fixed[start:]...)
}

// find makes the bucket of a time the current one, rendered in place of the oldest if need be.
func (e *Evaluator) find(unixMilli int64) *bucket {
	for i := range e.kept {
		if e.kept[i].holds(unixMilli) {
			e.current = &e.kept[i]
			return e.current
		}
	}
	e.current = &e.kept[e.next]
	e.next = (e.next + 1) % keptBuckets
	e.render(e.current, unixMilli)
	return e.current
}

func (e *Evaluator) render(b *bucket, unixMilli int64) {
	at := time.UnixMilli(unixMilli).In(e.zone)
	b.from, b.until = e.span(at)
	b.fixed, b.slots = b.fixed[:0], b.slots[:0]
	for _, p := range e.template.parts {
		switch p.kind {
		case literalPart:
			b.fixed = append(b.fixed, p.text...)
		case timePart:
			b.fixed = p.field.append(b.fixed, at, e.names)
		case errorTypePart:
			b.fixed = append(b.fixed, e.errorType...)
		case randomPart:
			b.fixed = append(b.fixed, RandomString...)
		case keyPart:
			b.slots = append(b.slots, slot{key: p.key, at: len(b.fixed)})
		}
	}
}

// span is the span of time around a moment, in Unix milliseconds, in which what the template tells of time is the same.
// It never reaches over a change of the zone's offset, so within it local time runs as evenly as Unix time.
func (e *Evaluator) span(at time.Time) (from, until int64) {
	switch {
	case e.unit == 0:
		return math.MinInt64, math.MaxInt64
	case e.unit < time.Second:
		return at.UnixMilli(), at.UnixMilli() + 1
	}
	unit := int64(e.unit / time.Second)
	first := at.Unix() - int64(at.Hour()*3600+at.Minute()*60+at.Second())%unit
	last := first + unit
	start, end := at.ZoneBounds()
	if !end.IsZero() && !end.After(at) { // package time is wrong about the last day of leap years to come
		return at.Unix() * 1000, at.Unix()*1000 + 1000
	}
	if !start.IsZero() {
		first = max(first, start.Unix())
	}
	if !end.IsZero() {
		last = min(last, end.Unix())
	}
	return first * 1000, last * 1000
}
