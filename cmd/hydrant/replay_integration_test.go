//go:build integration

package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Queries on movies: for genres that are there, ratings that are numbers and titles that are texts; and for all.
const (
	brokenQueries = `{genre: '.["Major Genre"] | ascii_downcase', liked: '.["IMDB Rating"] | floor >= 7', the: '.Title | test("^the "; "i")'}`
	mendedQueries = `{genre: '.["Major Genre"] // "unknown" | ascii_downcase', liked: '(.["IMDB Rating"] // 0) >= 7', the: '.Title | tostring | test("^the "; "i")'}`
)

// Real and dirty data, with queries that fail on some of it: each record is in its place or in the error output, with the
// reason that is its own. With the queries mended, a replay that is killed thrice on its way leaves each where it belongs, once, and another replay finds
// nothing to do. Then all of it goes into another stream, by time.
func TestReplayRealData(t *testing.T) {
	d, dir := s3Destination(t), t.TempDir()
	config := func(queries string) string {
		return fmt.Sprintf(`data_dir: %s/data
streams:
  movies:
    buffering: {size: 1MiB, interval: 1s}
    prefix: "movies/genre=!{partitionKeyFromQuery:genre}/liked=!{partitionKeyFromQuery:liked}/the=!{partitionKeyFromQuery:the}/"
    error_prefix: "errors/!{firehose:error-output-type}/"
    partition_keys: %s
    destination: {%s}
  copy:
    buffering: {size: 1MiB, interval: 1s}
    prefix: "copied/"
    destination: {%s}
`, dir, queries, d.yaml, d.yaml)
	}
	p := startIn(t, dir, config(brokenQueries), d.environment...)
	began := time.Now().Add(-time.Second).UTC()
	want, failing := p.sendMovies(t)

	failed, reasons := map[string]int{}, map[string]int{}
	originals := 0
	for key, content := range files(t, d.objects) {
		if !strings.HasPrefix(key, "errors/processing-failed/") {
			continue
		}
		originals++
		for line := range strings.Lines(content) {
			var failure struct {
				ErrorCode, ErrorMessage string
				RawData                 []byte
			}
			must(t, json.Unmarshal([]byte(line), &failure))
			reason := readMovie(t, failure.RawData).fault()
			if failure.ErrorCode != "DynamicPartitioning.MetadataExtractionFailed" || failure.ErrorMessage != reason {
				t.Errorf("%s: %s, want %s", failure.ErrorCode, failure.ErrorMessage, reason)
			}
			failed[string(failure.RawData)]++
			reasons[reason]++
		}
	}
	if !maps.Equal(failed, failing) || originals < 2 || len(reasons) < 10 {
		t.Fatalf("%d records are in %d objects of error output for %d reasons, want %d in several for many", len(failed), originals, len(reasons), len(failing))
	}
	places := placesOfMovies(t)
	placed := recordsIn(t, d, "movies")
	for place, n := range placed {
		if n != places[place] {
			t.Errorf("%d times in %s", n, place)
		}
	}
	if sum(placed)+sum(failed) != sum(want) {
		t.Errorf("%d records are in their places and %d in the error output, want %d", sum(placed), sum(failed), sum(want))
	}
	p.reload(config(mendedQueries), applied)

	errorsToMovies := []string{"replay", "errors", "--s3", "s3://lake/errors/", "--endpoint", d.server.Endpoint, "--path-style", "--url", p.url, "--stream", "movies"}
	plan := replayed(t, d, append(errorsToMovies, "--dry-run")...)
	if records := sum(failing); !strings.Contains(plan, fmt.Sprintf("records: %d,", records)) || !strings.Contains(plan, fmt.Sprintf("%d  DynamicPartitioning.MetadataExtractionFailed", records)) {
		t.Errorf("the plan is %s", plan)
	}
	for range 3 {
		p.killReplay(t, d, append(errorsToMovies, "--rate", "4")...)
	}
	replayed(t, d, errorsToMovies...)
	p.delivered()
	if got := recordsIn(t, d, "movies"); !maps.Equal(got, places) {
		t.Errorf("%d records in %d places, want %d in %d", sum(got), len(got), sum(places), len(places))
	}
	if got := p.metric("hydrant_replayed_records_total"); got != float64(sum(failing)) {
		t.Errorf("%v records were replayed, want %d", got, sum(failing))
	}

	again := replayed(t, d, errorsToMovies...)
	if !strings.Contains(again, "to replay: 0 objects") || !strings.Contains(again, "sent: 0 records") || p.metric("hydrant_replayed_records_total") != float64(sum(failing)) {
		t.Errorf("once more: %s", again)
	}
	marks, err := filepath.Glob(filepath.Join(d.objects, ".hydrant-replay/movies/errors/processing-failed/*"))
	if err != nil || len(marks) != originals {
		t.Errorf("%d marks of %d originals, %v", len(marks), originals, err)
	}
	if out := replayed(t, d, append(errorsToMovies, "--delete")...); !strings.Contains(out, fmt.Sprintf("deleted: %d objects", originals)) {
		t.Errorf("with --delete: %s", out)
	}

	copies := []string{"replay", "records", "--s3", "s3://lake/movies/", "--endpoint", d.server.Endpoint, "--path-style", "--url", p.url, "--stream", "copy"}
	if out := replayed(t, d, append(copies, "--to", began.Format(time.RFC3339))...); !strings.Contains(out, "to replay: 0 objects") {
		t.Errorf("before the beginning: %s", out)
	}
	for range 2 {
		replayed(t, d, append(copies, "--from", began.Format(time.RFC3339), "--to", time.Now().UTC().Add(time.Minute).Format(time.RFC3339))...)
	}
	p.delivered()
	wantMovies(t, d, "copied/", want)
	wantMovies(t, d, "errors/", map[string]int{})
	p.stop()
}

// sendMovies sends the data in parts, so that several objects come of it, and returns how often each record was sent, and
// each of those that the queries fail on.
func (p *process) sendMovies(t *testing.T) (all, failing map[string]int) {
	t.Helper()
	movies := dataset(t, "movies.json")
	all, failing = map[string]int{}, map[string]int{}
	for _, record := range movies {
		all[string(record)]++
		if readMovie(t, record).fault() != "" {
			failing[string(record)]++
		}
	}
	const parts = 3
	for i := range parts {
		var lines strings.Builder
		for _, movie := range movies[i*len(movies)/parts : (i+1)*len(movies)/parts] {
			lines.Write(movie)
			lines.WriteByte('\n')
		}
		p.post("movies", "application/x-ndjson", lines.String())
		p.delivered()
	}
	return all, failing
}

func sum(records map[string]int) (n int) {
	for _, times := range records {
		n += times
	}
	return n
}

// wantMovies wants exactly these records below the prefix.
func wantMovies(t *testing.T, d destinationUnderTest, prefix string, want map[string]int) {
	t.Helper()
	got := map[string]int{}
	for key, content := range files(t, d.objects) {
		if strings.HasPrefix(key, prefix) {
			for line := range strings.Lines(content) {
				got[strings.TrimSuffix(line, "\n")]++
			}
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("below %s there are %d records, %d different, want %d and %d", prefix, sum(got), len(got), sum(want), len(want))
	}
}

func replayed(t *testing.T, d destinationUnderTest, arguments ...string) string {
	t.Helper()
	out, err := runHydrant(t.Context(), t, d.environment, arguments...)
	must(t, err)
	return out
}

// killReplay kills a replay with -9 once the node has had something of it.
func (p *process) killReplay(t *testing.T, d destinationUnderTest, arguments ...string) {
	t.Helper()
	path, err := binary()
	must(t, err)
	before := p.metric("hydrant_replayed_records_total")
	cmd := exec.Command(path, arguments...)
	cmd.Env = append(os.Environ(), d.environment...)
	must(t, cmd.Start())
	p.eventually("something is replayed", func() bool { return p.metric("hydrant_replayed_records_total") > before })
	must(t, cmd.Process.Kill())
	if err := cmd.Wait(); err == nil {
		t.Error("the replay ended before it was killed")
	}
}
