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

	from, until int64  // the bucket that fixed was rendered for, Unix milliseconds
	fixed       []byte // the prefix without the values of its keys
	slots       []slot // where those go, in order
}

// slot is the place of a key's value: in front of fixed[at].
type slot struct {
	key int
	at  int
}

// Evaluator returns an evaluator of the template. Time is told in zone; errorType is what the error output type stands
// for.
func (t *Template) Evaluator(zone *time.Location, errorType string) *Evaluator {
	e := &Evaluator{template: t, zone: zone, errorType: errorType, unit: min(t.Finest(), day)}
	if t.Uses('z') || t.Uses('V') {
		e.names = namesOf(zone.String())
	}
	e.render(0)
	return e
}

// Append appends the prefix for a time in Unix milliseconds. The values are those of the template's Keys, in that order;
// they are escaped on the way (AppendEscaped). Random strings are left for later: see RandomString.
func (e *Evaluator) Append(dst []byte, unixMilli int64, values [][]byte) []byte {
	if unixMilli < e.from || unixMilli >= e.until {
		e.render(unixMilli)
	}
	start := 0
	for _, s := range e.slots {
		dst = append(dst, e.fixed[start:s.at]...)
		dst = AppendEscaped(dst, values[s.key])
		start = s.at
	}
	return append(dst, e.fixed[start:]...)
}

func (e *Evaluator) render(unixMilli int64) {
	at := time.UnixMilli(unixMilli).In(e.zone)
	e.from, e.until = e.bucket(at)
	e.fixed, e.slots = e.fixed[:0], e.slots[:0]
	for _, p := range e.template.parts {
		switch p.kind {
		case literalPart:
			e.fixed = append(e.fixed, p.text...)
		case timePart:
			e.fixed = p.field.append(e.fixed, at, e.names)
		case errorTypePart:
			e.fixed = append(e.fixed, e.errorType...)
		case randomPart:
			e.fixed = append(e.fixed, RandomString...)
		case keyPart:
			e.slots = append(e.slots, slot{key: p.key, at: len(e.fixed)})
		}
	}
}

// bucket is the span of time around a moment, in Unix milliseconds, in which what the template tells of time is the same.
// It never reaches over a change of the zone's offset, so within it local time runs as evenly as Unix time.
func (e *Evaluator) bucket(at time.Time) (from, until int64) {
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
