package jq

import (
	"errors"
	"fmt"
	"strings"

	"github.com/itchyny/gojq"
)

// Keys takes a query apart that makes one object of constant keys, as Firehose wants them: it returns a query for the
// value of each key. What stands in front of the object, such as ". as $r |" or a definition, becomes a part of each.
func Keys(source string) (map[string]string, error) {
	parsed, err := parse(source)
	if err != nil {
		return nil, err
	}
	object, plain := finalObject(parsed)
	if object == nil {
		return nil, errors.New("the query must make one object of keys, such as {customer: .customer.id}")
	}
	keys := map[string]string{}
	for _, kv := range object.KeyVals {
		key, ok := constantKey(kv)
		if !ok {
			return nil, fmt.Errorf("the key %s must be a constant name", kv)
		}
		if _, twice := keys[key]; twice {
			return nil, fmt.Errorf("the key %s is there twice", key)
		}
		switch {
		case !plain:
			keys[key] = fmt.Sprintf("(%s) | .[%q]", source, key)
		case kv.Val == nil:
			keys[key] = fmt.Sprintf(".[%q]", key)
		default:
			keys[key] = withoutParentheses(kv.Val).String()
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("the query makes an object without keys")
	}
	return keys, nil
}

// finalObject is the object that a query makes in the end; plain if the query is nothing else.
func finalObject(q *gojq.Query) (object *gojq.Object, plain bool) {
	plain = true
	for {
		plain = plain && len(q.FuncDefs) == 0 && q.Term != nil
		switch {
		case q.Op == gojq.OpPipe:
			q = q.Right
		case q.Term == nil || len(q.Term.SuffixList) > 0:
			return nil, false
		case q.Term.Type == gojq.TermTypeQuery:
			q = q.Term.Query
		default:
			return q.Term.Object, plain
		}
	}
}

// withoutParentheses lets what is a path be one.
func withoutParentheses(q *gojq.Query) *gojq.Query {
	for q.Term != nil && q.Term.Type == gojq.TermTypeQuery && len(q.Term.SuffixList) == 0 && len(q.FuncDefs) == 0 {
		q = q.Term.Query
	}
	return q
}

func constantKey(kv *gojq.ObjectKeyVal) (string, bool) {
	switch {
	case kv.Key != "":
		return kv.Key, !strings.HasPrefix(kv.Key, "$")
	case kv.KeyString != nil && kv.KeyString.Queries == nil:
		return kv.KeyString.Str, true
	}
	return "", false
}
