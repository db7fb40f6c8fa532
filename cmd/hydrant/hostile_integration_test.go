//go:build integration

package main

import (
	"fmt"
	"strings"
	"testing"
)

// Streams whose queries do as much as they may, for each record, harm no other one: beside them records are acknowledged,
// and delivered while the hostile ones still have work for a long time, also where a query chooses the partition.
func TestHostileQueriesBesideOtherStreams(t *testing.T) {
	d, dir := directoryDestination(t), t.TempDir()
	config := fmt.Sprintf("data_dir: %s/data\nstreams:\n", dir)
	stream := func(name, query string) {
		config += fmt.Sprintf(`  %s:
    buffering: {size: 1MiB, interval: 1s}
    prefix: "%s/!{partitionKeyFromQuery:k}/"
    error_prefix: "errors/%s/!{firehose:error-output-type}/"
    partition_keys: {k: '%s'}
    destination: {%s}
`, name, name, name, query, d.yaml)
	}
	hostile := map[string]string{ // queries that are harmless until a record says otherwise
		"endless": `if .evil then [recurse(1)] | length else "good" end`,
		"huge":    `if .evil then reduce range(1e9) as $i ("x"; . + .) | length else "good" end`,
		"bomb":    `if .evil then ("a" * 100000 | [match("(a|aa|aaa)*b"; "g")] | length) else "good" end`,
		"deep":    `if .evil then (def f: [f]; f) | length else "good" end`,
	}
	for name, query := range hostile {
		stream(name, query)
	}
	stream("path", ".k")
	stream("query", `.k | ascii_downcase | ltrimstr("x")`)
	p := startIn(t, dir, config)

	const requests, evil, rounds = 40, 3, 3
	for range requests { // each is a block of its own, after which the stream looks at what is due
		for name := range hostile {
			p.post(name, "application/x-ndjson", strings.Repeat(`{"evil":true}`+"\n", evil))
		}
	}
	delivered := func(name string) float64 {
		return p.series(fmt.Sprintf("hydrant_delivered_records_total{stream=%q}", name))
	}
	for round := range rounds {
		for _, name := range []string{"path", "query"} {
			p.post(name, "application/x-ndjson", `{"k":"A"}`+"\n"+`{"k":"B"}`+"\n")
		}
		want := float64(2 * (round + 1))
		p.eventually("the others are delivered", func() bool { return delivered("path") == want && delivered("query") == want })
		busy := 0
		for name := range hostile {
			if p.series(fmt.Sprintf("hydrant_pending_records{stream=%q}", name)) > 0 {
				busy++
			}
		}
		if busy == 0 {
			t.Errorf("round %d: no hostile stream had anything left to do: give them more", round)
		}
		t.Logf("round %d: %d of %d hostile streams were at work", round, busy, len(hostile))
	}
	if memory := p.metric("process_resident_memory_bytes"); memory > 2<<30 {
		t.Errorf("the node takes %v bytes", memory)
	}
	p.eventually("hostile records come to their bounds", func() bool { return p.metric("hydrant_error_output_records_total") > 0 })
	p.kill()
	for key, content := range files(t, d.objects) {
		if strings.HasPrefix(key, "errors/") && !strings.Contains(content, "DynamicPartitioning.MetadataExtractionFailed") {
			t.Errorf("%s: %.300s", key, content)
		}
	}
}
