package main

import (
	"errors"
	"strings"
	"testing"
)

// TestFaults gives each fault as its line begins, for some of the words are the stream package's own.
func TestFaults(t *testing.T) {
	const directory = "destination: {directory: {path: objects}}"
	tests := map[string]struct {
		text string
		want []string
	}{
		"unknown key": {
			"listn: 127.0.0.1:1\n",
			[]string{`c.yaml:1:1: listn: unknown key; did you mean "listen"?`},
		},
		"unknown key, nothing near": {
			"limits: {throughput: 1}\n",
			[]string{"c.yaml:1:10: limits.throughput: unknown key; known here are body, decompressed, in_flight, record"},
		},
		"streams misspelt": {
			"stream: {}\n",
			[]string{`c.yaml:1:1: stream: unknown key; did you mean "streams"?`},
		},
		"unknown key in a stream": {
			"streams:\n  clicks:\n    prefx: a\n    " + directory + "\n",
			[]string{`c.yaml:3:5: streams.clicks.prefx: unknown key; did you mean "prefix"?`},
		},
		"a number as key": {
			"listen: 127.0.0.1:1\n1: x\n",
			[]string{"c.yaml:2:1: 1: unknown key"},
		},
		"duplicate key": {
			"node: a\nnode: b\n",
			[]string{`c.yaml:2:1: mapping key "node" already defined at [1:1]`},
		},
		"duplicate key in quotes": {
			"streams:\n  1: {}\n  \"\\x31\": {}\n",
			[]string{`c.yaml:3:3: mapping key "1" already defined at [2:3]`},
		},
		"a list as key": {
			"node: a\n? [b]\n: c\n",
			[]string{"c.yaml:3:1: found an invalid key for this map"},
		},
		"an explicit key": {
			"? node\n: a\n",
			[]string{"c.yaml:1:1: a key must be plain text"},
		},
		"an alias as key": {
			"node: &a log\n*a : {}\n",
			[]string{"c.yaml:2:1: a key must be plain text"},
		},
		"duplicate null key": {
			"streams:\n  a: {" + directory + "}\n~: 1\nnull: 2\n",
			[]string{"c.yaml:3:1: ~: unknown key", "c.yaml:4:1: null: unknown key"},
		},
		"syntax": {
			"node: \"a\nlisten: b\n",
			[]string{"c.yaml:1:7: could not find end character of double-quoted text"},
		},
		"tab": {
			"log:\n\tlevel: info\n",
			[]string{"c.yaml:2:1: a tab: YAML is indented with spaces"},
		},
		"two documents": {
			"node: a\n---\nnode: b\n",
			[]string{"c.yaml:3:5: a second document; a configuration is one"},
		},
		"a list as the document": {
			"[]\n",
			[]string{"c.yaml:1:1: want a mapping of keys to values, found a list"},
		},
		"wrong kinds": {
			"node: {a: b}\nlog: text\nlimits: {records: ten}\nbuffer: {max_disk: [1]}\nstreams: none\n",
			[]string{
				"c.yaml:1:7: node: want a single value, found a mapping",
				"c.yaml:2:6: log: want a mapping of keys to values, found a single value",
				`c.yaml:3:19: limits.records: want a whole number, found "ten"`,
				"c.yaml:4:20: buffer.max_disk: want a single value, found a list",
				"c.yaml:5:10: streams: want a mapping of keys to values, found a single value",
			},
		},
		"wrong kinds in a stream": {
			"streams:\n  s:\n    partition_keys: [k]\n    destination: {s3: {bucket: {}, path_style: yes}}\n",
			[]string{
				"c.yaml:3:21: streams.s.partition_keys: want a mapping of keys to values, found a list",
				"c.yaml:4:32: streams.s.destination.s3.bucket: want a single value, found a mapping",
				`c.yaml:4:48: streams.s.destination.s3.path_style: want true or false, found "yes"`,
			},
		},
		"bad size and time": {
			"buffer: {max_disk: 20 apples}\nstreams:\n  s: {buffering: {size: big, interval: soon}, " + directory + "}\n",
			[]string{
				"c.yaml:1:20: buffer.max_disk: ",
				"c.yaml:3:25: streams.s.buffering.size: ",
				"c.yaml:3:40: streams.s.buffering.interval: ",
			},
		},
		"every semantic fault at once": {
			"node: a b\nlisten: nowhere\nadmin: localhost:http\ndata_dir: \"\"\nbuffer: {engine: kafka, max_disk: 1MiB, stream_share: 2MiB}\n" +
				"limits: {record: 17MiB, records: 0, body: 64MiB, in_flight: 1MiB}\nauth: basic\n" +
				"log: {level: loud, format: xml}\nstreams:\n  s:\n    compression: lzma\n",
			[]string{
				`c.yaml:1:1: node: "a b" is no name for a node`,
				`c.yaml:2:1: listen: "nowhere" is not host:port`,
				`c.yaml:3:1: admin: "http" is not a port`,
				"c.yaml:4:1: data_dir: the data directory must be named",
				"c.yaml:5:10: buffer.engine: the Kafka engine is not part of this version; use badger",
				"c.yaml:5:25: buffer.max_disk: 1MiB is below 64MiB",
				"c.yaml:5:41: buffer.stream_share: 2MiB is not between 1 byte and buffer.max_disk, 1MiB",
				"c.yaml:6:1: limits.decompressed: 32MiB is below 64MiB",
				"c.yaml:6:10: limits.record: 17MiB is more than the 16MiB that the buffer takes",
				"c.yaml:6:25: limits.records: 0 is below 1",
				"c.yaml:6:50: limits.in_flight: 1MiB is below 112MiB",
				`c.yaml:7:1: auth: "basic" is not one of none`,
				`c.yaml:8:7: log.level: "loud" is not one of debug, info, warn, error`,
				`c.yaml:8:20: log.format: "xml" is not one of text, json`,
				"c.yaml:10:3: streams.s.destination",
				"c.yaml:11:5: streams.s.compression: ",
			},
		},
		"a stream of nothing": {
			"streams:\n  empty:\n",
			[]string{"c.yaml:2:3: streams.empty.destination"},
		},
		"a dot in a stream's name": {
			"streams:\n  a.b:\n    compression: lzma\n    " + directory + "\n",
			[]string{"c.yaml:3:5: streams.a.b.compression: "},
		},
		"unquoted tag": {
			"streams:\n  s:\n    prefix: !x y\n    " + directory + "\n",
			[]string{"c.yaml:3:13: streams.s.prefix: tags are not supported; a value that begins with ! must be quoted"},
		},
		"merge key": {
			"streams:\n  a: &a {" + directory + "}\n  b: {<<: *a, " + directory + "}\n",
			[]string{"c.yaml:3:7: streams.b: merge keys (<<) are not supported"},
		},
		"alias without anchor": {
			"node: *nobody\n",
			[]string{"c.yaml:1:7: node: the alias *nobody has no anchor &nobody"},
		},
		"alias of itself": {
			"node: &a\n  *a\n",
			[]string{"c.yaml:1:1: node: the aliases go in a circle"},
		},
		"same listener twice": {
			"admin: 127.0.0.1:8080\n",
			[]string{"c.yaml:1:1: admin: 127.0.0.1:8080 is the producers' listener already"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, test.text)
			checkFaults(t, err, test.want)
		})
	}
}

func checkFaults(t *testing.T, err error, want []string) {
	t.Helper()
	faults, ok := errors.AsType[Faults](err)
	if !ok {
		t.Fatalf("got error %v, want faults", err)
	}
	got := strings.Split(err.Error(), "\n")
	if len(got) != len(faults) {
		t.Errorf("got %d lines for %d faults", len(got), len(faults))
	}
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			t.Errorf("missing: %s", want[i])
		case i >= len(want):
			t.Errorf("unexpected: %s", got[i])
		case !strings.HasPrefix(got[i], want[i]):
			t.Errorf("got  %s\nwant %s...", got[i], want[i])
		}
	}
}

func TestAliasesStandForWholeValues(t *testing.T) {
	c := mustLoad(t, `
streams:
  a:
    destination: &lake {directory: {path: lake}}
  b:
    destination: *lake
`)
	for _, s := range c.Streams {
		if s.Destination.Directory == nil || s.Destination.Directory.Path != "lake" {
			t.Errorf("stream %s goes to %+v, want the directory lake", s.Name, s.Destination)
		}
	}
}

func TestExcerpt(t *testing.T) {
	_, err := load(t, "node: a\nlog:\n  level: http://name:secret@host\n")
	faults, ok := errors.AsType[Faults](err)
	if !ok || len(faults) != 1 {
		t.Fatalf("got %v, want one fault", err)
	}
	got := faults[0].Excerpt()
	want := "    3 |   level: http://xxxxx@host\n" +
		"      |   ^\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("the fault gives a secret away: %v", err)
	}
}

func TestNearest(t *testing.T) {
	known := []string{"body", "record", "records", "in_flight"}
	for word, want := range map[string]string{
		"bdoy": "body", "record": "record", "recordz": "record", "recordss": "records", "inflight": "in_flight", "": "body",
	} {
		if got := nearest(word, known); got != want {
			t.Errorf("nearest(%q): got %s, want %s", word, got, want)
		}
	}
}
