package expr

import "time"

// Evaluator evaluates one template again and again. Records mostly arrive within the second of the record before, so
// everything but the values of the keys is rendered once a second and copied from there. It is for one goroutine.
type Evaluator struct {
	template  *Template
	zone      *time.Location
	errorType string
	timed     bool

	second int64  // since 1970 that fixed was rendered for
	fixed  []byte // the prefix without the values of its keys
	slots  []slot // where those go, in order
}

// slot is the place of a key's value: in front of fixed[at].
type slot struct {
	key int
	at  int
}

// Evaluator returns an evaluator of the template. Time is told in zone; errorType is what the error output type stands
// for.
func (t *Template) Evaluator(zone *time.Location, errorType string) *Evaluator {
	e := &Evaluator{template: t, zone: zone, errorType: errorType, timed: t.Finest() > 0}
	e.render(0)
	return e
}

// Append appends the prefix of a record that arrived at unixMilli. The values are those of the template's Keys, in that
// order; they are escaped on the way (AppendEscaped).
func (e *Evaluator) Append(dst []byte, unixMilli int64, values [][]byte) []byte {
	if second := floorSecond(unixMilli); e.timed && second != e.second {
		e.render(second)
	}
	start := 0
	for _, s := range e.slots {
		dst = append(dst, e.fixed[start:s.at]...)
		dst = AppendEscaped(dst, values[s.key])
		start = s.at
	}
	return append(dst, e.fixed[start:]...)
}

func (e *Evaluator) render(second int64) {
	at := time.Unix(second, 0).In(e.zone)
	e.second, e.fixed, e.slots = second, e.fixed[:0], e.slots[:0]
	for _, p := range e.template.parts {
		switch p.kind {
		case literalPart:
			e.fixed = append(e.fixed, p.text...)
		case timePart:
			e.fixed = p.field.append(e.fixed, at)
		case errorTypePart:
			e.fixed = append(e.fixed, e.errorType...)
		case keyPart:
			e.slots = append(e.slots, slot{key: p.key, at: len(e.fixed)})
		}
	}
}

// floorSecond rounds towards the past, also before 1970.
func floorSecond(unixMilli int64) int64 {
	second := unixMilli / 1000
	if unixMilli%1000 < 0 {
		second--
	}
	return second
}
