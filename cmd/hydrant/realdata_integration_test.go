//go:build integration

package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"
	"time"
)

// dataset is one of npm's vega-datasets, a record an element.
func dataset(t *testing.T, name string) (records []json.RawMessage) {
	t.Helper()
	text, err := os.ReadFile("../../.bin/vega-datasets/data/" + name)
	must(t, err)
	must(t, json.Unmarshal(text, &records))
	return records
}

// postAll sends records in requests of a few thousand.
func (p *process) postAll(stream string, records []json.RawMessage) {
	p.t.Helper()
	for len(records) > 0 {
		n := min(len(records), 5000)
		var lines strings.Builder
		for _, record := range records[:n] {
			lines.Write(record)
			lines.WriteByte('\n')
		}
		p.post(stream, "application/x-ndjson", lines.String())
		records = records[n:]
	}
}

// Twenty thousand real flights by origin, destination and the month of the flight, which makes 6,888 partitions, with the
// node killed on the way: each is in its place, once. A directory holds all that flew from one place: with one for each
// partition, making directories durable would be a third of the work.
func TestFlightsByRouteAndMonth(t *testing.T) {
	t.Parallel() // it mostly waits
	d, dir := directoryDestination(t), t.TempDir()
	config := fmt.Sprintf(`data_dir: %s/data
streams:
  flights:
    buffering: {size: 1MiB, interval: 1s}
    prefix: "flights/from=!{partitionKeyFromQuery:origin}/to=!{partitionKeyFromQuery:destination},!{timestamp:yyyy-MM},"
    partition_keys: {origin: .origin, destination: '.destination | ascii_downcase'}
    time: {field: .date, format: "yyyy/MM/dd HH:mm"}
    destination: {%s}
`, dir, d.yaml)
	flights := dataset(t, "flights-20k.json")
	want := map[string]int{}
	partitions := map[string]bool{}
	for _, flight := range flights {
		var f struct{ Date, Origin, Destination string }
		must(t, json.Unmarshal(flight, &f))
		date, err := time.Parse("2006/01/02 15:04", f.Date)
		must(t, err)
		place := fmt.Sprintf("flights/from=%s/to=%s,%s,", f.Origin, strings.ToLower(f.Destination), date.Format("2006-01"))
		want[place+" "+string(flight)]++
		partitions[place] = true
	}
	p := startIn(t, dir, config)
	p.postAll("flights", flights)
	p.eventually("some are delivered", func() bool { return p.metric("hydrant_delivered_objects_total") > 0 })
	p.kill()
	p = startIn(t, dir, config)
	p.delivered()
	objects := p.metric("hydrant_delivered_objects_total")
	p.stop()
	got := recordsIn(t, d, "flights")
	if !maps.Equal(got, want) || len(partitions) != 6888 {
		t.Errorf("%d records in %d places, want %d in %d, of %d partitions", sum(got), len(got), sum(want), len(want), len(partitions))
	}
	t.Logf("%d flights in %d partitions and %v objects", len(flights), len(partitions), objects)
}

// recordsIn is how often each record of a stream is in each place below the directory of the stream's name.
func recordsIn(t *testing.T, d destinationUnderTest, stream string) map[string]int {
	t.Helper()
	got := map[string]int{}
	for key, content := range files(t, d.objects) {
		if strings.HasPrefix(key, stream+"/") {
			for line := range strings.Lines(content) {
				got[key[:strings.LastIndex(key, stream+"-")]+" "+strings.TrimSuffix(line, "\n")]++
			}
		}
	}
	return got
}

// movie is what the queries on movies look at: in the data, all of it may be null, and titles may be numbers.
type movie struct {
	Genre  *string  `json:"Major Genre"`
	Rating *float64 `json:"IMDB Rating"`
	Title  any
}

// fault is why the broken queries fail on a movie, in the order in which they are evaluated; empty where they do not.
func (m movie) fault() string {
	_, isText := m.Title.(string)
	switch {
	case m.Genre == nil:
		return `the partition key genre (.["Major Genre"] | ascii_downcase) fails: ascii_downcase cannot be applied to: null`
	case m.Rating == nil:
		return `the partition key liked (.["IMDB Rating"] | floor >= 7) fails: floor cannot be applied to: null`
	case m.Title == nil:
		return `the partition key the (.Title | test("^the "; "i")) fails: null cannot be matched, as it is not a string`
	case !isText:
		return fmt.Sprintf(`the partition key the (.Title | test("^the "; "i")) fails: number (%v) cannot be matched, as it is not a string`, m.Title)
	}
	return ""
}

// place is where a movie belongs, by the mended queries.
func (m movie) place() string {
	genre := "unknown"
	if m.Genre != nil {
		genre = strings.ToLower(*m.Genre)
	}
	return fmt.Sprintf("movies/genre=%s/liked=%v/the=%v/", strings.ReplaceAll(genre, "/", "%2F"),
		m.Rating != nil && *m.Rating >= 7, strings.HasPrefix(strings.ToLower(fmt.Sprint(m.Title)), "the "))
}

func readMovie(t *testing.T, record []byte) (m movie) {
	t.Helper()
	must(t, json.Unmarshal(record, &m))
	return m
}

// placesOfMovies is how often each movie is where, by the mended queries.
func placesOfMovies(t *testing.T) map[string]int {
	t.Helper()
	places := map[string]int{}
	for _, record := range dataset(t, "movies.json") {
		places[readMovie(t, record).place()+" "+string(record)]++
	}
	return places
}
