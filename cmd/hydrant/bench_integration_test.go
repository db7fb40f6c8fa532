//go:build integration

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"
)

// A load of every API, form and encoding, of sizes in a range, uneven keys and real records: a real node takes all of it, and
// the verifier finds all of it again. The reports are complete in themselves, and two of them are compared.
func TestBenchMakesEveryLoad(t *testing.T) {
	d := directoryDestination(t)
	dir := t.TempDir()
	p := startIn(t, dir, crashConfig(dir, d.yaml, 0))
	at := func(name string) string { return filepath.Join(dir, name) }
	var loads errgroup.Group
	loads.SetLimit(4)
	var ledgers []string
	load := func(name string, arguments ...string) {
		ledgers = append(ledgers, at(name))
		loads.Go(func() error {
			out, err := runHydrant(t.Context(), t, nil, append([]string{
				"bench", "--url", p.url, "--stream", "crash", "--ledger", at(name),
				"--connections", "2", "--records", "500", "--keys", "5", "--json", "--report", at(name + ".html"),
			}, arguments...)...)
			if err == nil {
				err = os.WriteFile(at(name+".json"), []byte(out), 0o600)
			}
			return err
		})
	}
	for _, body := range []string{"json", "ndjson", "protobuf", "octet-stream"} {
		for _, encoding := range []string{"identity", "gzip", "zstd", "snappy"} {
			batch := "20"
			if body == "octet-stream" {
				batch = "1"
			}
			load(body+"-"+encoding, "--body", body, "--encoding", encoding, "--batch", batch, "--skew", "1", "--max-size", "4096")
		}
	}
	load("put-record", "--api", "firehose")
	load("put-record-batch", "--api", "firehose", "--batch", "20")
	load("movies", "--batch", "20", "--encoding", "zstd", "--input", "../../.bin/vega-datasets/data/movies.json")
	must(t, loads.Wait())
	p.delivered()
	p.stop()
	want := float64(500 * len(ledgers))
	if verdict := d.verifyAll(t, strings.Join(ledgers, ",")); verdict["acked_records"] != want || verdict["found_records"] != want {
		t.Errorf("%v records were sent; the verdict is %v", want, verdict)
	}

	both := at("both.html")
	table, err := runHydrant(t.Context(), t, nil, "bench", "compare", at("json-gzip.json"), at("movies.json"), "--report", both)
	must(t, err)
	if !strings.Contains(table, "ratio") || !strings.Contains(table, "warning: ") {
		t.Errorf("two loads that are unlike compare as\n%s", table)
	}
	for _, path := range []string{both, at("movies.html")} {
		page, err := os.ReadFile(path)
		must(t, err)
		if !strings.Contains(string(page), "uPlot") || strings.Contains(string(page), "src=") || strings.Contains(string(page), "<link") {
			t.Errorf("%s is not a page with plots that is complete in itself", path)
		}
	}
}
