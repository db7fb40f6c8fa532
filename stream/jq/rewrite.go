package jq

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/itchyny/gojq"
)

// rewriter turns a query into one whose work is counted: each call of a function that is not written in jq becomes one of
// a function of the meter's, each operator too, and what the interpreter does at once with a whole array or string is
// charged for in front. Whatever it does not know it refuses. It makes a new query of new parts.
//
// A name that begins with "hydrant " cannot be written in a query, so that nothing of the query's reaches or hides what
// is called so.
type rewriter struct {
	scope   []string // functions in reach that the query defines itself, by name and number of arguments
	needed  []string // of the prelude, each after those that it calls
	defined map[string]*gojq.FuncDef
	nesting int
	err     error // the first
}

const own = "hydrant "

// refused are the functions that a query cannot use, and why.
var refused = map[string]string{
	"now": clock, "localtime": zone, "strflocaltime": zone, "input": alone, "inputs": alone, "debug": alone, "stderr": alone,
	"input_filename": alone, "input_line_number": alone, "$__loc__": alone, "$__prog_args": alone, "env": environment,
	"$ENV": environment, "halt": "it would end more than the query", "halt_error": "it would end more than the query",
	"modulemeta": alone, "get_search_list": alone, "builtins": alone, "jn": "it takes time without bound", "yn": "it takes time without bound",
}

const (
	clock       = "a record's key may not depend on the clock, as the record may be keyed again"
	zone        = "a record's key may not depend on the machine's time zone; gmtime and strftime are in UTC"
	environment = "a record's key may not depend on the environment of the process"
	alone       = "a query sees one record and nothing else"
)

func (r *rewriter) fail(format string, values ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, values...)
	}
}

// whole rewrites a query, with the definitions of the prelude that it needs in front.
func (r *rewriter) whole(q *gojq.Query) (*gojq.Query, error) {
	if len(q.Imports) > 0 || q.Meta != nil {
		return nil, errors.New("modules are not supported")
	}
	r.defined = map[string]*gojq.FuncDef{}
	body := r.query(q)
	if r.err != nil {
		return nil, r.err
	}
	bounded := &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeQuery, Query: body}}
	for _, name := range r.needed {
		bounded.FuncDefs = append(bounded.FuncDefs, r.defined[name])
	}
	return bounded, nil
}

func call(name string, arguments ...*gojq.Query) *gojq.Query {
	return &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeFunc, Func: &gojq.Func{Name: name, Args: arguments}}}
}

func pipe(l, r *gojq.Query) *gojq.Query { return &gojq.Query{Left: l, Op: gojq.OpPipe, Right: r} }

func parentheses(q *gojq.Query) *gojq.Term {
	return &gojq.Term{Type: gojq.TermTypeQuery, Query: q}
}

func (r *rewriter) query(q *gojq.Query) *gojq.Query {
	if q == nil {
		return nil
	}
	if r.nesting++; r.nesting > maxNesting {
		r.fail("it is nested deeper than %d levels", maxNesting)
		return q
	}
	defer func() { r.nesting-- }()
	defer func(n int) { r.scope = r.scope[:n] }(len(r.scope))
	out := &gojq.Query{Op: q.Op}
	for _, d := range q.FuncDefs {
		out.FuncDefs = append(out.FuncDefs, r.definition(d))
	}
	if q.Term != nil {
		out.Term = r.term(q.Term)
		return out
	}
	switch q.Op {
	case gojq.OpPipe, gojq.OpComma, gojq.OpAnd, gojq.OpOr, gojq.OpAlt:
		out.Left, out.Patterns, out.Right = r.query(q.Left), r.patterns(q.Patterns), r.query(q.Right)
		return out
	}
	if q.Left == nil || q.Right == nil { // of a comment alone the parser makes no term
		r.fail("it says nothing but comments")
		return q
	}
	out.Left, out.Right = r.closure(q.Left), r.closure(q.Right)
	switch q.Op {
	case gojq.OpAssign:
		return r.update(out, r.call("_assign", out.Left, out.Right))
	case gojq.OpModify:
		return r.update(out, r.call("_modify", out.Left, out.Right))
	case gojq.OpUpdateAlt:
		return r.updateWith(out, func(value, operand *gojq.Query) *gojq.Query {
			return &gojq.Query{Left: value, Op: gojq.OpAlt, Right: operand}
		})
	}
	if operator, updates := updating[q.Op]; updates {
		return r.updateWith(out, func(value, operand *gojq.Query) *gojq.Query {
			return call(own+operator.String(), value, operand)
		})
	}
	return r.update(out, call(own+q.Op.String(), out.Left, out.Right))
}

// updating are the operators that change a value in its place, with what they change it by.
var updating = map[gojq.Operator]gojq.Operator{
	gojq.OpUpdateAdd: gojq.OpAdd, gojq.OpUpdateSub: gojq.OpSub, gojq.OpUpdateMul: gojq.OpMul,
	gojq.OpUpdateDiv: gojq.OpDiv, gojq.OpUpdateMod: gojq.OpMod,
}

// update puts what stands for an operator in its place, behind the functions that the query defines there.
func (r *rewriter) update(q, with *gojq.Query) *gojq.Query {
	return &gojq.Query{FuncDefs: q.FuncDefs, Term: with.Term}
}

// updateWith is "paths op= operand": operand as $x | paths |= (. op $x).
func (r *rewriter) updateWith(q *gojq.Query, change func(value, operand *gojq.Query) *gojq.Query) *gojq.Query {
	const operand = "$" + own + "operand"
	changed := change(&gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeIdentity}}, call(operand))
	return &gojq.Query{
		FuncDefs: q.FuncDefs,
		Left:     q.Right, Op: gojq.OpPipe, Patterns: []*gojq.Pattern{{Name: operand}},
		Right: r.call("_modify", q.Left, changed),
	}
}

// definition rewrites a function that the query defines, and brings it into scope.
func (r *rewriter) definition(d *gojq.FuncDef) *gojq.FuncDef {
	r.scope = append(r.scope, fmt.Sprintf("%s/%d", d.Name, len(d.Args)))
	before := len(r.scope)
	for _, argument := range d.Args {
		r.scope = append(r.scope, strings.TrimPrefix(argument, "$")+"/0")
	}
	body := r.closure(d.Body)
	r.scope = r.scope[:before]
	return &gojq.FuncDef{Name: d.Name, Args: d.Args, Body: body}
}

// closure rewrites the body of a function, or an argument, which is one too. Each time that it is called it takes room
// for all of its variables at once, and no step counts that: a long one is charged for. Its text is longer than it has
// variables.
func (r *rewriter) closure(q *gojq.Query) *gojq.Query {
	const short = 8 * bytesPerUnit
	size := len(q.String())
	if size < short {
		return r.query(q)
	}
	units := &gojq.Term{Type: gojq.TermTypeNumber, Number: strconv.Itoa(size / bytesPerUnit)}
	return pipe(call(own+"room", termQuery(units)), r.query(q))
}

// call rewrites a call of a function whose arguments are rewritten.
func (r *rewriter) call(name string, arguments ...*gojq.Query) *gojq.Query {
	known := fmt.Sprintf("%s/%d", name, len(arguments))
	why, isRefused := refused[name]
	_, isNative := natives()[known]
	switch {
	case slices.Contains(r.scope, known), name[0] == '$' && !isRefused,
		known == "empty/0", known == "_range/3":
		return call(name, arguments...)
	case known == "path/1":
		return termQuery(parentheses(pipe(call(name, arguments...), call(own+"shallow"))))
	case known == "getpath/1":
		return call(name, call(own+"way", arguments...))
	case known == "_match/3":
		return call(own+"match", arguments...)
	case isNative:
		return call(own+known, arguments...)
	case prelude()[known] != nil:
		r.require(known)
		return call(name, arguments...)
	case isRefused:
		r.fail("%s cannot be used: %s", name, why)
	default:
		r.fail("there is no function %s here", known)
	}
	return call(name)
}

// require adds a definition of the prelude, behind those that it needs itself.
func (r *rewriter) require(known string) {
	if _, done := r.defined[known]; done {
		return
	}
	r.defined[known] = nil // it may call itself
	within := rewriter{defined: r.defined, needed: r.needed}
	definition := within.definition(prelude()[known])
	r.defined[known], r.needed = definition, append(within.needed, known)
	if within.err != nil {
		r.fail("%s: %w", known, within.err)
	}
}
