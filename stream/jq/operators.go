package jq

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/big"
	"strings"

	"github.com/itchyny/gojq"
)

// The operators are Hydrant's own, so that each is charged for before it works. Numbers are doubles, as in jq 1.6, but
// for integers that both fit into 53 bits, where there is no difference but speed; only a number that no operator has
// touched keeps the digits that it had.

// operators are the functions that take the place of the operators, by the operator.
var operators = map[gojq.Operator]func(m *meter, l, r any) any{
	gojq.OpAdd: (*meter).add,
	gojq.OpSub: (*meter).subtract,
	gojq.OpMul: (*meter).multiply,
	gojq.OpDiv: (*meter).divide,
	gojq.OpMod: (*meter).modulo,
	gojq.OpEq:  comparison(func(c int) bool { return c == 0 }),
	gojq.OpNe:  comparison(func(c int) bool { return c != 0 }),
	gojq.OpLt:  comparison(func(c int) bool { return c < 0 }),
	gojq.OpLe:  comparison(func(c int) bool { return c <= 0 }),
	gojq.OpGt:  comparison(func(c int) bool { return c > 0 }),
	gojq.OpGe:  comparison(func(c int) bool { return c >= 0 }),
}

func comparison(holds func(int) bool) func(*meter, any, any) any {
	return func(m *meter, l, r any) any {
		for _, v := range []any{l, r} {
			if err := m.deep(v, 1); err != nil {
				return err
			}
		}
		return holds(gojq.Compare(l, r))
	}
}

func (m *meter) add(l, r any) any {
	if err := m.charge(shallow(l) + shallow(r)); err != nil {
		return err
	}
	switch l := l.(type) {
	case nil:
		return r
	case string:
		if r, ok := r.(string); ok {
			return l + r
		}
	case []any:
		if r, ok := r.([]any); ok {
			return append(l[:len(l):len(l)], r...)
		}
	case map[string]any:
		if r, ok := r.(map[string]any); ok {
			sum := make(map[string]any, len(l)+len(r))
			maps.Copy(sum, l)
			maps.Copy(sum, r)
			return sum
		}
	}
	if r == nil {
		return l
	}
	return arithmetic("added", l, r, func(l, r float64) float64 { return l + r })
}

func (m *meter) subtract(l, r any) any {
	from, array := l.([]any)
	less, alsoArray := r.([]any)
	if !array || !alsoArray {
		return arithmetic("subtracted", l, r, func(l, r float64) float64 { return l - r })
	}
	if err := m.products(l, r); err != nil {
		return err
	}
	left := []any{}
	for _, element := range from {
		if !contains(less, element) {
			left = append(left, element)
		}
	}
	return left
}

func contains(in []any, element any) bool {
	for _, other := range in {
		if gojq.Compare(element, other) == 0 {
			return true
		}
	}
	return false
}

// products charges for work that compares each part of one value with each of the other.
func (m *meter) products(l, r any) error {
	a, err := m.size(l)
	if err != nil {
		return err
	}
	b, err := m.size(r)
	if err != nil {
		return err
	}
	return m.charge(a * b) // both are within MaxWork, so that the product is no overflow
}

func (m *meter) multiply(l, r any) any {
	if text, ok := r.(string); ok {
		l, r = text, l
	}
	if text, ok := l.(string); ok {
		if times, ok := gojq.ToFloat64(r); ok {
			return m.repeat(text, times)
		}
	}
	into, object := l.(map[string]any)
	from, alsoObject := r.(map[string]any)
	if object && alsoObject {
		for _, v := range []any{l, r} {
			if err := m.deep(v, 1); err != nil {
				return err
			}
		}
		return merge(into, from)
	}
	return arithmetic("multiplied", l, r, func(l, r float64) float64 { return l * r })
}

// repeat is jq 1.6's: as often as times rounded up, and null for none.
func (m *meter) repeat(text string, times float64) any {
	if !(times > 0) {
		return nil
	}
	times = math.Ceil(times)
	if units := times * float64(1+len(text)) / bytesPerUnit; units > MaxWork {
		return m.charge(MaxWork + 1)
	} else if err := m.charge(1 + int(units)); err != nil {
		return err
	}
	return strings.Repeat(text, int(times))
}

// merge merges objects at every level.
func merge(into, from map[string]any) map[string]any {
	merged := make(map[string]any, len(into)+len(from))
	maps.Copy(merged, into)
	for key, value := range from {
		inner, object := merged[key].(map[string]any)
		more, alsoObject := value.(map[string]any)
		if object && alsoObject {
			value = merge(inner, more)
		}
		merged[key] = value
	}
	return merged
}

func (m *meter) divide(l, r any) any {
	text, isText := l.(string)
	separator, alsoText := r.(string)
	if isText && alsoText {
		return m.split(text, separator)
	}
	if divisor, ok := gojq.ToFloat64(r); ok && divisor == 0 {
		return fmt.Errorf("%s and %s cannot be divided because the divisor is zero", described(l), described(r))
	}
	return arithmetic("divided", l, r, func(l, r float64) float64 { return l / r })
}

func (m *meter) split(text, separator string) any {
	if err := m.charge(len(text) + len(separator)); err != nil {
		return err
	}
	parts := []any{}
	if text == "" {
		return parts
	}
	for part := range strings.SplitSeq(text, separator) {
		parts = append(parts, part)
	}
	return parts
}

// modulo is of whole numbers: of what is before the point.
func (m *meter) modulo(l, r any) any {
	dividend, ok := gojq.ToFloat64(l)
	divisor, alsoOK := gojq.ToFloat64(r)
	if !ok || !alsoOK || math.IsNaN(dividend) || math.IsNaN(divisor) {
		return arithmetic("divided", l, r, func(float64, float64) float64 { return math.NaN() })
	}
	a, b := whole(dividend), whole(divisor)
	if b == 0 {
		return fmt.Errorf("%s and %s cannot be divided because the divisor is zero", described(l), described(r))
	}
	if b < 0 {
		b = -b
	}
	if b < 0 { // the smallest integer has no opposite
		return int(a)
	}
	return int(a % b)
}

func whole(x float64) int64 {
	switch {
	case x >= math.MaxInt64:
		return math.MaxInt64
	case x <= math.MinInt64:
		return math.MinInt64
	}
	return int64(x)
}

func (m *meter) negate(v any) any {
	return arithmetic("negated", 0, v, func(_, r float64) float64 { return -r })
}

// exact bounds the integers that a double holds, all of them.
const exact = 1 << 53

func arithmetic(done string, l, r any, operator func(l, r float64) float64) any {
	a, ok := gojq.ToFloat64(l)
	b, alsoOK := gojq.ToFloat64(r)
	switch {
	case done == "negated" && !alsoOK:
		return fmt.Errorf("%s cannot be negated", described(r))
	case !ok || !alsoOK:
		return fmt.Errorf("%s and %s cannot be %s", described(l), described(r), done)
	}
	return number(operator(a, b))
}

// number is an integer where it can be one: the interpreter counts and indexes with these.
func number(x float64) any {
	if x == math.Trunc(x) && math.Abs(x) <= exact && (x != 0 || !math.Signbit(x)) {
		return int(x)
	}
	return x
}

// plain makes a number a plain one, for a function that would otherwise reckon with more digits than jq does.
func plain(v any) any {
	switch v.(type) {
	case json.Number, *big.Int:
		x, _ := gojq.ToFloat64(v)
		return number(x)
	}
	return v
}

// described is a value in an error's text.
func described(v any) string {
	if v == nil {
		return "null"
	}
	if object, ok := v.(map[string]any); ok { // to show some of it would sort all of it
		return fmt.Sprintf("object with %d keys", len(object))
	}
	return gojq.TypeOf(v) + " (" + gojq.Preview(v) + ")"
}
