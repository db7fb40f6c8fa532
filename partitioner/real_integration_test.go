//go:build integration

package partitioner_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"hydrant/stream"
)

// dataset is one of npm's vega-datasets, a record an element.
func dataset(t *testing.T, name string) (records []json.RawMessage) {
	t.Helper()
	text, err := os.ReadFile("../.bin/vega-datasets/data/" + name)
	if err != nil {
		t.Fatalf("%v: run .ci/setup", err)
	}
	if err := json.Unmarshal(text, &records); err != nil {
		t.Fatal(err)
	}
	return records
}

// Of a dirty data set every record is in its place, or in the error output with the reason, as plain code has it.
func TestMoviesByDecadeAndGenre(t *testing.T) {
	s := definition("decade=!{partitionKeyFromQuery:decade}/genre=!{partitionKeyFromQuery:genre}/", map[string]string{
		"decade": `(."Release Date" | strptime("%b %d %Y") | .[0] / 10 | floor * 10)`,
		"genre":  `."Major Genre"`,
	})
	p := newPartitioner(t, s)
	placed, failed := 0, map[string]int{}
	for _, record := range dataset(t, "movies.json") {
		var movie struct {
			Date  any `json:"Release Date"`
			Genre any `json:"Major Genre"`
		}
		if err := json.Unmarshal(record, &movie); err != nil {
			t.Fatal(err)
		}
		text, _ := movie.Date.(string)
		date, err := time.Parse("Jan 02 2006", text)
		genre, ok := movie.Genre.(string)
		want, reason := "", ""
		switch {
		case !ok:
			reason = `partition key genre (."Major Genre") is null`
		case err != nil:
			reason = "partition key decade"
		default:
			want = fmt.Sprintf("decade=%d/genre=%s/", date.Year()/10*10, strings.ReplaceAll(genre, "/", "%2F"))
		}
		out := p.Process(nil, 1, 0, record)
		switch {
		case len(out) != 1:
			t.Fatalf("%s has %d outputs", record, len(out))
		case reason == "" && (out[0].Error != "" || string(out[0].Prefix) != want || string(out[0].Data) != string(record)):
			t.Errorf("%s is in %s (%s), want %s", record, out[0].Prefix, out[0].Data, want)
		case reason != "" && (out[0].Error == "" || !strings.Contains(string(out[0].Data), strings.ReplaceAll(reason, `"`, `\"`)) ||
			string(rawData(t, out[0].Data)) != string(record)):
			t.Errorf("%s is in %s (%s), want the reason %s", record, out[0].Prefix, out[0].Data, reason)
		case reason == "":
			placed++
		default:
			failed[reason]++
		}
	}
	t.Logf("%d in their places; in the error output: %v", placed, failed)
	if placed < 1000 || len(failed) < 1 {
		t.Errorf("%d in their places, %v in the error output: the data set is another", placed, failed)
	}
}

// By origin, destination and the month of the event, by queries and by paths alike.
func TestFlightsByRouteAndMonth(t *testing.T) {
	count := func(origin, destination string) map[string]int {
		s := definition("!{partitionKeyFromQuery:o}/!{partitionKeyFromQuery:d}/!{timestamp:yyyy-MM}/",
			map[string]string{"o": origin, "d": destination})
		s.Time = &stream.Time{Field: ".date", Format: "yyyy/MM/dd HH:mm"}
		p, partitions := newPartitioner(t, s), map[string]int{}
		for _, record := range dataset(t, "flights-20k.json") {
			for _, out := range p.Process(nil, 1, 0, record) {
				if out.Error != "" {
					t.Fatalf("%s: %s", record, out.Data)
				}
				partitions[string(out.Prefix)]++
			}
		}
		return partitions
	}
	paths, queries := count(".origin", ".destination"), count(".origin | tostring", ". as $r | $r.destination")
	if len(paths) != 6888 || fmt.Sprint(paths) != fmt.Sprint(queries) {
		t.Errorf("%d partitions by paths, %d by queries, want 6888", len(paths), len(queries))
	}
}
