package jq

import (
	"github.com/itchyny/gojq"
)

func (r *rewriter) term(t *gojq.Term) *gojq.Term {
	out := r.plainTerm(t)
	for _, s := range t.SuffixList {
		out = r.suffix(out, s)
	}
	return out
}

// plainTerm rewrites a term without its suffixes.
func (r *rewriter) plainTerm(t *gojq.Term) *gojq.Term {
	switch t.Type {
	case gojq.TermTypeIdentity, gojq.TermTypeNull, gojq.TermTypeTrue, gojq.TermTypeFalse, gojq.TermTypeNumber, gojq.TermTypeBreak:
		plain := *t
		plain.SuffixList = nil
		return &plain
	case gojq.TermTypeRecurse:
		return r.call("recurse").Term
	case gojq.TermTypeIndex:
		return r.index(&gojq.Term{Type: gojq.TermTypeIdentity}, t.Index)
	case gojq.TermTypeFunc:
		return r.call(t.Func.Name, r.queries(t.Func.Args)...).Term
	case gojq.TermTypeObject:
		return r.object(t.Object)
	case gojq.TermTypeArray:
		return &gojq.Term{Type: t.Type, Array: &gojq.Array{Query: r.query(t.Array.Query)}}
	case gojq.TermTypeUnary:
		return r.unary(t.Unary)
	case gojq.TermTypeFormat:
		return r.format(t)
	case gojq.TermTypeString:
		return parentheses(r.text(t.Str, "tostring"))
	case gojq.TermTypeQuery:
		return parentheses(r.query(t.Query))
	}
	return r.control(t)
}

// control rewrites what directs the flow of values.
func (r *rewriter) control(t *gojq.Term) *gojq.Term {
	out := &gojq.Term{Type: t.Type}
	switch t.Type {
	case gojq.TermTypeIf:
		out.If = &gojq.If{Cond: r.query(t.If.Cond), Then: r.query(t.If.Then), Else: r.query(t.If.Else)}
		for _, e := range t.If.Elif {
			out.If.Elif = append(out.If.Elif, &gojq.IfElif{Cond: r.query(e.Cond), Then: r.query(e.Then)})
		}
	case gojq.TermTypeTry:
		out.Try = &gojq.Try{Body: r.query(t.Try.Body), Catch: r.query(t.Try.Catch)}
	case gojq.TermTypeReduce:
		e := t.Reduce
		out.Reduce = &gojq.Reduce{
			Query: r.query(e.Query), Patterns: r.patterns(e.Patterns), Start: r.query(e.Start), Update: r.query(e.Update),
		}
	case gojq.TermTypeForeach:
		e := t.Foreach
		out.Foreach = &gojq.Foreach{
			Query: r.query(e.Query), Patterns: r.patterns(e.Patterns),
			Start: r.query(e.Start), Update: r.query(e.Update), Extract: r.query(e.Extract),
		}
	case gojq.TermTypeLabel:
		out.Label = &gojq.Label{Ident: t.Label.Ident, Body: r.query(t.Label.Body)}
	default:
		r.fail("%s cannot be used", t)
	}
	return out
}

// suffix rewrites what follows a term. Optional ones stay with what is in front of them, as the interpreter has it.
func (r *rewriter) suffix(t *gojq.Term, s *gojq.Suffix) *gojq.Term {
	switch {
	case s.Iter: // which copies the array or object
		return suffixed(parentheses(pipe(termQuery(t), call(own+"shallow"))), &gojq.Suffix{Iter: true})
	case s.Optional:
		return suffixed(t, &gojq.Suffix{Optional: true})
	}
	return r.index(t, s.Index)
}

func suffixed(t *gojq.Term, s *gojq.Suffix) *gojq.Term {
	out := *t
	out.SuffixList = append(t.SuffixList[:len(t.SuffixList):len(t.SuffixList)], s)
	return &out
}

func termQuery(t *gojq.Term) *gojq.Query { return &gojq.Query{Term: t} }

// index rewrites t.name, t[x] and t[x:y]. Names are looked up at once; to index a string counts its characters.
func (r *rewriter) index(t *gojq.Term, x *gojq.Index) *gojq.Term {
	if x.Name != "" || x.Str != nil && x.Str.Queries == nil {
		return suffixed(t, &gojq.Suffix{Index: x})
	}
	out := &gojq.Index{IsSlice: x.IsSlice, Start: r.query(x.Start), End: r.query(x.End)}
	switch {
	case x.Str != nil:
		out.Start = r.text(x.Str, "tostring")
	case !x.IsSlice && (x.Start.Term == nil || x.Start.Term.Type != gojq.TermTypeNumber):
		out.Start = pipe(out.Start, call(own+"index"))
	}
	return suffixed(parentheses(pipe(termQuery(t), call(own+"characters"))), &gojq.Suffix{Index: out})
}

func (r *rewriter) queries(qs []*gojq.Query) []*gojq.Query {
	var out []*gojq.Query
	for _, q := range qs {
		out = append(out, r.closure(q))
	}
	return out
}

func (r *rewriter) object(o *gojq.Object) *gojq.Term {
	out := &gojq.Object{}
	for _, kv := range o.KeyVals {
		pair := &gojq.ObjectKeyVal{Key: kv.Key, Val: r.query(kv.Val)}
		switch {
		case kv.KeyString != nil && kv.KeyString.Queries == nil:
			pair.KeyString = kv.KeyString
		case kv.KeyString != nil:
			pair.KeyQuery = r.text(kv.KeyString, "tostring")
			if kv.Val == nil { // {"a\(.b)"} is {("a\(.b)"): .["a\(.b)"]}
				key := &gojq.Index{Str: kv.KeyString}
				pair.Val = termQuery(r.index(&gojq.Term{Type: gojq.TermTypeIdentity}, key))
			}
		case kv.KeyQuery != nil:
			pair.KeyQuery = pipe(r.query(kv.KeyQuery), call(own+"shallow"))
		case kv.Key != "" && kv.Key[0] == '$':
			if why, ok := refused[kv.Key]; ok {
				r.fail("%s cannot be used: %s", kv.Key, why)
			}
		}
		out.KeyVals = append(out.KeyVals, pair)
	}
	return &gojq.Term{Type: gojq.TermTypeObject, Object: out}
}

func (r *rewriter) unary(u *gojq.Unary) *gojq.Term {
	inner := r.term(u.Term)
	switch {
	case u.Op == gojq.OpSub && inner.Type == gojq.TermTypeNumber && len(inner.SuffixList) == 0:
		return &gojq.Term{Type: gojq.TermTypeUnary, Unary: &gojq.Unary{Op: u.Op, Term: inner}}
	case u.Op == gojq.OpSub:
		return parentheses(pipe(termQuery(inner), call(own+"negate")))
	}
	r.fail("%s cannot be used", u)
	return inner
}

// formats are the functions of @base64 and its like.
var formats = map[string]string{
	"@text": "tostring", "@json": "tojson", "@html": "_tohtml", "@uri": "_touri", "@csv": "_tocsv", "@tsv": "_totsv",
	"@sh": "_tosh", "@base64": "_tobase64", "@base64d": "_tobase64d",
}

func (r *rewriter) format(t *gojq.Term) *gojq.Term {
	function, known := formats[t.Format]
	if !known {
		r.fail("there is no format %s here", t.Format)
		return t
	}
	if t.Str == nil {
		return r.call(function).Term
	}
	return parentheses(r.text(t.Str, function))
}

// text rewrites a string; what stands in it goes through function.
func (r *rewriter) text(s *gojq.String, function string) *gojq.Query {
	if s.Queries == nil {
		return termQuery(&gojq.Term{Type: gojq.TermTypeString, Str: s})
	}
	var all *gojq.Query
	for _, q := range s.Queries {
		part := q
		if q.Term == nil || q.Term.Str == nil {
			part = pipe(r.query(q), r.call(function))
		}
		if all == nil {
			all = part
		} else {
			all = call(own+gojq.OpAdd.String(), all, part)
		}
	}
	return all
}

func (r *rewriter) patterns(patterns []*gojq.Pattern) []*gojq.Pattern {
	var out []*gojq.Pattern
	for _, p := range patterns {
		pattern := &gojq.Pattern{Name: p.Name, Array: r.patterns(p.Array)}
		for _, o := range p.Object {
			member := &gojq.PatternObject{Key: o.Key, KeyString: o.KeyString, KeyQuery: r.query(o.KeyQuery)}
			if o.KeyString != nil && o.KeyString.Queries != nil {
				member.KeyString, member.KeyQuery = nil, r.text(o.KeyString, "tostring")
			}
			if member.KeyQuery != nil {
				member.KeyQuery = pipe(member.KeyQuery, call(own+"index"))
			}
			if o.Val != nil {
				member.Val = r.patterns([]*gojq.Pattern{o.Val})[0]
			}
			pattern.Object = append(pattern.Object, member)
		}
		out = append(out, pattern)
	}
	return out
}
