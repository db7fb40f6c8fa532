package partitioner

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"hydrant/stream"
	"hydrant/stream/expr"
	"hydrant/stream/jq"
)

// keySource takes the values of the partition keys, and behind them that of the event time, out of records: those of
// paths in one pass over the record's bytes, those of queries out of the record decoded. It is for one goroutine.
type keySource struct {
	names     []string // of the keys
	time      *eventTime
	extractor *expr.Extractor // nil without paths
	at        []int           // where the extractor's values belong; nil where there are no queries: all in order
	queries   []keyQuery
	answers   []keyAnswer // of the stream's function

	values [][]byte
}

type keyQuery struct {
	key   int
	query *jq.Query
}

type keyAnswer struct {
	key  int
	name string
}

// newKeySource returns nil for a definition by which records need not be looked into.
func newKeySource(s stream.Stream, names []string, event *eventTime) (*keySource, error) {
	if len(names) == 0 && s.Time == nil {
		return nil, nil
	}
	k := &keySource{names: names, time: event, values: make([][]byte, len(names)+1)}
	var paths []expr.Path
	for i, name := range names {
		if answer, ok := expr.FunctionKey(name); ok {
			k.answers = append(k.answers, keyAnswer{i, answer})
			continue
		}
		source, declared := s.PartitionKeys[name]
		if !declared {
			return nil, fmt.Errorf("prefix: the partition key %q is not declared", name)
		}
		if path, err := expr.ParsePath(source); err == nil {
			paths, k.at = append(paths, path), append(k.at, i)
			continue
		}
		query, err := jq.Compile(source)
		if err != nil {
			return nil, fmt.Errorf("partition_keys.%s: %w", name, err)
		}
		k.queries = append(k.queries, keyQuery{i, query})
	}
	if s.Time != nil {
		path, err := expr.ParsePath(s.Time.Field)
		if err != nil {
			return nil, fmt.Errorf("time.field: %w", err)
		}
		paths, k.at = append(paths, path), append(k.at, len(names))
	}
	if len(paths) > 0 {
		k.extractor = expr.NewExtractor(paths...)
	}
	if len(k.queries)+len(k.answers) == 0 {
		k.at = nil
	}
	return k, nil
}

// extract returns the values, good until the next call or until the record changes, with those that a function gave.
// Errors: those of expr.Extractor, and *queryError.
func (k *keySource) extract(record []byte, answer *Outcome) ([][]byte, error) {
	if k.at == nil && k.extractor != nil && len(k.answers) == 0 {
		return k.extractor.Extract(record)
	}
	for _, a := range k.answers {
		value := ""
		if answer != nil {
			value = answer.value(a.name)
		}
		if value == "" {
			return nil, &queryError{key: a.key, source: "of the function", reason: "is missing or empty in the function's answer"}
		}
		k.values[a.key] = []byte(value)
	}
	if k.extractor == nil && len(k.queries) == 0 {
		return k.values, nil
	}
	if k.extractor == nil {
		if err := expr.CheckJSON(record); err != nil {
			return nil, err
		}
	} else if err := k.extractPaths(record); err != nil {
		return nil, err
	}
	return k.values, k.extractQueries(record)
}

func (k *keySource) extractPaths(record []byte) error {
	values, err := k.extractor.Extract(record)
	var fault *expr.ValueError
	if errors.As(err, &fault) {
		fault.Path = k.at[fault.Path]
	}
	if err != nil {
		return err
	}
	for i, value := range values {
		k.values[k.at[i]] = value
	}
	return nil
}

func (k *keySource) extractQueries(record []byte) error {
	if len(k.queries) == 0 {
		return nil
	}
	decoded, err := jq.Decode(record)
	if err != nil {
		return err
	}
	for _, q := range k.queries {
		value, err := q.query.Run(decoded)
		if err == nil {
			k.values[q.key], err = jq.Text(value)
		}
		if err != nil {
			return &queryError{key: q.key, source: q.query.String(), reason: err.Error()}
		}
	}
	return nil
}

// queryError says that a query gives no usable value for a record.
type queryError struct {
	key            int
	source, reason string
}

func (e *queryError) Error() string { return e.source + " " + e.reason }

// blame names the partition key, or the event time, where a single value is to blame. It quotes nothing with %q, which
// follows Unicode's tables and so the release of Go.
func (k *keySource) blame(err error) (code, message string) {
	var value *expr.ValueError
	var query *queryError
	switch {
	case errors.As(err, &query):
		return extractionFailed, fmt.Sprintf("the partition key %s (%s) %s", expr.KeyName(k.names[query.key]), short(query.source), query.reason)
	case !errors.As(err, &value):
		return extractionFailed, err.Error()
	case value.Path == len(k.names):
		return timeFailed, k.time.fault(value.Reason)
	}
	return extractionFailed, fmt.Sprintf("the partition key %s (%s) %s", k.names[value.Path], value.Source, value.Reason)
}

// short is a query's beginning: a line of error output is one of many.
func short(source string) string {
	const longest = 120
	if len(source) <= longest {
		return source
	}
	end := longest
	for !utf8.RuneStart(source[end]) {
		end--
	}
	return strings.TrimSpace(source[:end]) + "..."
}
