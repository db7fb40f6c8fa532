package jq

import (
	"context"
	"encoding/json"
	"math/big"
	"runtime"
	"time"
)

// meter counts a query's work and ends the query at MaxWork. A unit is a step of the interpreter, or about as much work
// of a function: 16 bytes of text, one element of an array, half an entry of an object. What a query can allocate is in
// proportion to its work too, so that the same bound holds its memory.
//
// It is the context that the query runs under: the interpreter asks for Done before every step (execute.go of gojq, whose
// version is pinned), and nothing else does. So what it counts is the same on every run of a query over a value, as no
// deadline ever is. The interpreter iterates over objects in the order of their keys, and so do the functions.
type meter struct {
	work   int
	over   bool
	closed chan struct{}
	nested int // depth of the value being measured

	patterns map[pattern]*regularExpression
}

// slots bounds how many queries run at once in the process, to what the machine can run: so their memory is bounded for
// the whole node, however many streams have one.
var slots = make(chan struct{}, max(1, runtime.GOMAXPROCS(0)))

func newMeter() *meter {
	m := &meter{closed: make(chan struct{}), patterns: map[pattern]*regularExpression{}}
	close(m.closed)
	return m
}

func (m *meter) reset() { m.work, m.over, m.nested = 0, false, 0 }

func (m *meter) spent() bool { return m.over }

// charge counts work that is about to be done, and says whether it may be.
func (m *meter) charge(units int) error {
	if units < 0 || units > MaxWork-m.work {
		m.over = true
		return &LimitError{}
	}
	m.work += units
	return nil
}

// Done counts a step. It implements context.Context, as the methods below do.
func (m *meter) Done() <-chan struct{} {
	if m.work++; m.work > MaxWork {
		m.over = true
	}
	if m.over {
		return m.closed
	}
	return nil
}

// Err is what the query ends with once it is over its bound.
func (m *meter) Err() error {
	if m.over {
		return &LimitError{}
	}
	return nil
}

// Deadline is none: no clock is read.
func (m *meter) Deadline() (time.Time, bool) { return time.Time{}, false }

// Value is none.
func (m *meter) Value(any) any { return nil }

var _ context.Context = (*meter)(nil)

const bytesPerUnit = 16

// shallow is the size of a value in units, without what its elements hold.
func shallow(v any) int {
	switch v := v.(type) {
	case string:
		return 1 + len(v)/bytesPerUnit
	case json.Number:
		return 1 + len(v)/bytesPerUnit
	case *big.Int:
		return 1 + v.BitLen()/8/bytesPerUnit
	case []any:
		return 1 + len(v)
	case map[string]any:
		return 1 + 2*len(v)
	}
	return 1
}

// maxDepth is how deep a value may be nested that a function walks: it does so on the stack.
const maxDepth = 10_000

// deep charges for all of a value, factor times. A part that the value holds twice counts twice, as it does for whoever
// walks it: arrays that hold themselves doubled again and again are how small queries make large values.
func (m *meter) deep(v any, factor int) error {
	if err := m.charge(factor * shallow(v)); err != nil {
		return err
	}
	if m.nested++; m.nested > maxDepth {
		m.over = true
	}
	defer func() { m.nested-- }()
	if m.over {
		return &LimitError{}
	}
	switch v := v.(type) {
	case []any:
		for _, element := range v {
			if err := m.deep(element, factor); err != nil {
				return err
			}
		}
	case map[string]any:
		for key, element := range v {
			if err := m.charge(factor * len(key) / bytesPerUnit); err != nil {
				return err
			}
			if err := m.deep(element, factor); err != nil {
				return err
			}
		}
	}
	return nil
}

// size is the deep size of a value in units; it is charged for once.
func (m *meter) size(v any) (int, error) {
	before := m.work
	if err := m.deep(v, 1); err != nil {
		return 0, err
	}
	return m.work - before, nil
}
