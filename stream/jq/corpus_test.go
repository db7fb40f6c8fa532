package jq_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/itchyny/gojq"

	"hydrant/stream/jq"
)

// corpusQuery is a query of the corpus and what jq 1.6 makes of the record: its one value as JSON, "N values", "error" or
// "compile error". Where Hydrant differs by design its own result stands behind, after why.
type corpusQuery struct{ query, theirs, ours, why string }

func corpus(t *testing.T) (record []byte, queries []corpusQuery) {
	t.Helper()
	record, err := os.ReadFile("testdata/record.json")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("testdata/corpus.tsv")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		c := corpusQuery{query: fields[0], theirs: fields[1], ours: fields[1]}
		if len(fields) == 4 {
			c.why, c.ours = fields[2], fields[3]
		}
		queries = append(queries, c)
	}
	return record, queries
}

// evaluate is what the corpus says of a query. Several values are one array of them for our engine, which takes one.
func evaluate(t *testing.T, query string, record []byte) string {
	t.Helper()
	q, err := jq.Compile("[" + query + "\n]")
	if _, alone := jq.Compile(query); alone != nil || err != nil {
		return "compile error"
	}
	value, err := jq.Decode(record)
	if err != nil {
		t.Fatal(err)
	}
	result, err := q.Run(value)
	if err != nil {
		return "error"
	}
	values := result.([]any)
	if len(values) != 1 {
		return strings.Replace("N values", "N", string(must(gojq.Marshal(len(values)))), 1)
	}
	return string(must(gojq.Marshal(values[0])))
}

func must(text []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return text
}

// same compares JSON, in which jq 1.6 keeps the order of an object's keys.
func same(a, b string) bool {
	var x, y any
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil {
		return a == b
	}
	return bytes.Equal(must(json.Marshal(x)), must(json.Marshal(y))) && (strings.ContainsAny(a, "[{") || a == b)
}

func TestCorpus(t *testing.T) {
	record, queries := corpus(t)
	if len(queries) < 60 {
		t.Errorf("the corpus has %d queries", len(queries))
	}
	for _, c := range queries {
		if got := evaluate(t, c.query, record); !same(got, c.ours) {
			t.Errorf("%s\n got %s\nwant %s", c.query, got, c.ours)
		}
	}
}
