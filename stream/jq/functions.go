package jq

import (
	"errors"
	"fmt"
	"strings"

	"github.com/itchyny/gojq"
)

// functions are what rewritten queries call, bound to the meter.
func (m *meter) functions() []gojq.CompilerOption {
	var all []gojq.CompilerOption
	add := func(name string, arity int, f func(in any, arguments []any) any) {
		all = append(all, gojq.WithFunction(own+name, arity, arity, f))
	}
	for name, n := range natives() {
		_, arity, _ := strings.Cut(name, "/")
		add(name, int(arity[0]-'0'), func(in any, arguments []any) any { return n.run(m, in, arguments) })
	}
	for operator, f := range operators {
		add(operator.String(), 2, func(_ any, arguments []any) any { return f(m, arguments[0], arguments[1]) })
	}
	add("room", 1, func(in any, arguments []any) any { return m.given(in, arguments[0].(int)) })
	add("negate", 0, func(in any, _ []any) any { return m.negate(in) })
	add("match", 3, func(in any, arguments []any) any { return m.match(in, arguments[0], arguments[1], arguments[2]) })
	add("shallow", 0, func(in any, _ []any) any { return m.given(in, shallow(in)) })
	add("characters", 0, func(in any, _ []any) any { return m.characters(in) })
	add("index", 0, func(in any, _ []any) any { return m.index(in) })
	add("way", 1, func(in any, arguments []any) any { return m.way(in, arguments[0]) })
	return all
}

// given charges and returns the very value that came in: paths go through it.
func (m *meter) given(in any, units int) any {
	if err := m.charge(units); err != nil {
		return err
	}
	return in
}

// characters charges for what is about to be indexed. Of an array nothing is looked at but the element; an object's keys
// are sorted for an error's text.
func (m *meter) characters(in any) any {
	if _, array := in.([]any); array {
		return in
	}
	return m.given(in, shallow(in))
}

// index refuses what would search for an array in another.
func (m *meter) index(in any) any {
	if _, array := in.([]any); array {
		return errors.New("an array cannot be an index here: use indices")
	}
	return m.given(in, shallow(in))
}

// way follows a path as getpath is about to.
func (m *meter) way(in, path any) any {
	steps, ok := path.([]any)
	if !ok {
		return errors.New("a path must be an array")
	}
	if err := m.charge(1 + len(steps)); err != nil {
		return err
	}
	for _, step := range steps {
		if next, ok := stepInto(in, step); ok {
			in = next
			continue
		}
		if _, slice := step.(map[string]any); !slice {
			return fmt.Errorf("%s cannot be indexed by %s", described(in), described(step))
		}
		if err := m.charge(shallow(in)); err != nil {
			return err
		}
	}
	return path
}

// stepInto is the field or element of a value that a step of a path names, nil where it is not there; ok is false where the
// step names neither.
func stepInto(in, step any) (next any, ok bool) {
	switch at := in.(type) {
	case nil:
		return nil, true
	case map[string]any:
		name, _ := step.(string)
		return at[name], true
	case []any:
		index, number := gojq.ToFloat64(step)
		if !number {
			return nil, false
		}
		if index < 0 {
			index += float64(len(at))
		}
		if index >= 0 && index < float64(len(at)) {
			next = at[int(index)]
		}
		return next, true
	}
	return nil, false
}
