package jq

import (
	"fmt"
	"math"
	"math/bits"
	"strings"
	"sync"

	"github.com/itchyny/gojq"
)

// native is a function of the interpreter's that is not written in jq. Under its own name a query never reaches it: what
// it is about to do is charged for first.
type native struct {
	cost func(m *meter, in any, arguments []any) error
	code *gojq.Code // calls it
}

// nativeCosts are the functions that queries may use, by name and number of arguments: what is not here is refused, so
// that a new release of the interpreter brings nothing in that nobody has looked at.
var nativeCosts = map[string]func(m *meter, in any, arguments []any) error{
	"type/0": free, "infinite/0": free, "nan/0": free, "isinfinite/0": free, "isnan/0": free, "isnormal/0": free,
	"gmtime/0": free, "mktime/0": free,

	"length/0": linear, "utf8bytelength/0": linear, "has/1": free, "keys/0": times(4), "reverse/0": linear,
	"startswith/1": linear, "endswith/1": linear, "ltrimstr/1": linear, "rtrimstr/1": linear,
	"ascii_downcase/0": linear, "ascii_upcase/0": linear, "implode/0": linear, "tonumber/0": times(4),
	"explode/0": times(bytesPerUnit), "split/1": times(bytesPerUnit), "fromjson/0": times(bytesPerUnit),
	"strftime/1": times(8 * bytesPerUnit), "strptime/1": times(bytesPerUnit),

	"add/0": whole1(1), "join/1": joined, "flatten/0": whole1(1), "flatten/1": whole1(1), "transpose/0": table,
	"tojson/0": whole1(2), "tostring/0": whole1(2), "format/1": whole1(4), "_tohtml/0": whole1(4), "_touri/0": whole1(4),
	"_tocsv/0": whole1(2), "_totsv/0": whole1(2), "_tosh/0": whole1(4), "_tobase64/0": whole1(2), "_tobase64d/0": whole1(2),

	"min/0": whole1(2), "max/0": whole1(2), "sort/0": sorted, "unique/0": sorted, "bsearch/1": whole1(1),
	"_min_by/1": whole1(2), "_max_by/1": whole1(2), "_sort_by/1": sorted, "_group_by/1": sorted, "_unique_by/1": sorted,

	"contains/1": product, "inside/1": product, "indices/1": product, "index/1": product, "rindex/1": product,
	"setpath/2": path, "delpaths/1": paths, "error/0": whole1(1), "error/1": whole1(1),
}

// mathematics are the functions of numbers alone. The Bessel functions of any order are not among them: they loop.
var mathematics = []string{
	"acos", "acosh", "asin", "asinh", "atan", "atanh", "cbrt", "ceil", "cos", "cosh", "exp", "exp10", "exp2", "expm1",
	"fabs", "floor", "frexp", "gamma", "j0", "j1", "lgamma", "log", "log10", "log1p", "log2", "logb", "modf", "nearbyint",
	"rint", "round", "significand", "sin", "sinh", "sqrt", "tan", "tanh", "tgamma", "trunc", "y0", "y1",
	"atan2/2", "copysign/2", "drem/2", "fdim/2", "fmax/2", "fmin/2", "fmod/2", "ldexp/2", "nextafter/2", "nexttoward/2",
	"pow/2", "scalb/2", "scalbln/2", "fma/3",
}

// natives are compiled once for all queries.
var natives = sync.OnceValue(func() map[string]native {
	all := map[string]native{}
	for name, cost := range nativeCosts {
		all[name] = native{cost, calling(name)}
	}
	for _, name := range mathematics {
		if !strings.Contains(name, "/") {
			name += "/0"
		}
		all[name] = native{free, calling(name)}
	}
	return all
})

// calling compiles a call of a function, with its arguments as variables.
func calling(name string) *gojq.Code {
	name, arity, _ := strings.Cut(name, "/")
	q := &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeFunc, Func: &gojq.Func{Name: name}}}
	var variables []string
	for i := range int(arity[0] - '0') {
		variable := fmt.Sprintf("$a%d", i)
		variables = append(variables, variable)
		q.Term.Func.Args = append(q.Term.Func.Args, call(variable))
	}
	code, err := gojq.Compile(q, gojq.WithVariables(variables))
	if err != nil {
		panic("jq: the interpreter has lost a function: " + err.Error()) // a test compiles them all
	}
	return code
}

// run calls a function that has been charged for.
func (n native) run(m *meter, in any, arguments []any) any {
	if err := n.cost(m, in, arguments); err != nil {
		return err
	}
	given := make([]any, len(arguments))
	for i, argument := range arguments {
		given[i] = plain(argument)
	}
	value, ok := n.code.Run(in, given...).Next()
	if !ok {
		return nil
	}
	return value
}

func free(m *meter, _ any, _ []any) error { return m.charge(8) } // that of setting the call up

func linear(m *meter, in any, arguments []any) error { return times(1)(m, in, arguments) }

// times is the cost of a function that looks at its input and arguments, not into them, so many times.
func times(n int) func(*meter, any, []any) error {
	return func(m *meter, in any, arguments []any) error {
		size := 8 + shallow(in)
		for _, argument := range arguments {
			size += shallow(argument)
		}
		return m.charge(n * size)
	}
}

// whole1 is that of one that walks all of them.
func whole1(n int) func(*meter, any, []any) error {
	return func(m *meter, in any, arguments []any) error {
		if err := m.charge(8); err != nil {
			return err
		}
		for _, argument := range arguments {
			if err := m.deep(argument, n); err != nil {
				return err
			}
		}
		return m.deep(in, n)
	}
}

// sorted is that of one that sorts: each element is compared about as often as their number has bits.
func sorted(m *meter, in any, arguments []any) error {
	elements, _ := in.([]any)
	return whole1(1+bits.Len(uint(len(elements))))(m, in, arguments)
}

// product is that of one that looks for all of one value everywhere in the other.
func product(m *meter, in any, arguments []any) error {
	text, isText := in.(string)
	part, alsoText := arguments[0].(string)
	if isText && alsoText { // as arrays of characters
		if len(part) > len(text) {
			part = ""
		}
		return m.charge(8 + len(text)*(1+len(part)/bytesPerUnit))
	}
	return m.products(in, arguments[0])
}

func joined(m *meter, in any, arguments []any) error {
	n := 0
	switch in := in.(type) {
	case []any:
		n = len(in)
	case map[string]any:
		n = len(in)
	}
	if err := m.charge(n * shallow(arguments[0])); err != nil {
		return err
	}
	return whole1(1)(m, in, arguments)
}

// table is that of turning rows into columns.
func table(m *meter, in any, _ []any) error {
	rows, _ := in.([]any)
	longest := 0
	for _, row := range rows {
		cells, _ := row.([]any)
		longest = max(longest, len(cells))
	}
	return m.charge(8 + len(rows)*(1+longest))
}

// path is that of changing one value: everything on the way to it is copied, and an array may be filled up to an index.
func path(m *meter, in any, arguments []any) error {
	steps, _ := arguments[0].([]any)
	for _, step := range steps {
		if err := m.charge(4 + shallow(in)); err != nil {
			return err
		}
		index, isNumber := gojq.ToFloat64(step)
		elements, isArray := in.([]any)
		fields, isObject := in.(map[string]any)
		name, isName := step.(string)
		switch {
		case isNumber && (isArray || in == nil):
			if index = math.Trunc(index); index > MaxWork {
				return m.charge(MaxWork + 1)
			}
			if err := m.charge(max(0, int(index)-len(elements))); err != nil {
				return err
			}
			if in = nil; index >= 0 && int(index) < len(elements) {
				in = elements[int(index)]
			} else if index < 0 && len(elements)+int(index) >= 0 && len(elements) > 0 {
				in = elements[len(elements)+int(index)]
			}
		case isName && isObject:
			in = fields[name]
		case isArray: // a slice: at most all of it is copied, once more at each step
		default:
			in = nil
		}
	}
	return m.charge(shallow(arguments[1])) // which a slice takes in
}

// paths is that of deleting: a copy of everything on the ways, and one walk over all that is left.
func paths(m *meter, in any, arguments []any) error {
	ways, _ := arguments[0].([]any)
	if err := m.deep(arguments[0], 1+bits.Len(uint(len(ways)))); err != nil {
		return err
	}
	return m.deep(in, 2)
}
