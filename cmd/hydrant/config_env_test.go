package main

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestEveryVariable(t *testing.T) {
	c := mustLoad(t, "node: from-file\nlog: {level: warn}\nadmin: 127.0.0.1:1\n",
		"HYDRANT_NODE=n1",
		"HYDRANT_LISTEN=127.0.0.1:9000",
		"HYDRANT_ADMIN=", // counts as not set
		"HYDRANT_DATA_DIR=/data",
		"HYDRANT_BUFFER_ENGINE=badger",
		"HYDRANT_BUFFER_MAX_DISK=1GiB",
		"HYDRANT_BUFFER_STREAM_SHARE=100MiB",
		"HYDRANT_MEMORY=300MiB",
		"HYDRANT_LIMITS_BODY=1MiB",
		"HYDRANT_LIMITS_DECOMPRESSED=2MiB",
		"HYDRANT_LIMITS_RECORD=3KiB",
		"HYDRANT_LIMITS_RECORDS=4",
		"HYDRANT_LIMITS_IN_FLIGHT=5MiB",
		"HYDRANT_AUTH=none",
		"HYDRANT_API_STREAMS_PATH_STYLE=true",
		"HYDRANT_API_STREAMS_ROLE=assume",
		"HYDRANT_LOG_FORMAT=json",
		"HYDRANT_TEST_ANYTHING=1",
	)
	c.Warnings = nil
	want := &Config{
		Node: "n1", Listen: "127.0.0.1:9000", Admin: "127.0.0.1:1", DataDir: "/data", Auth: "none",
		Buffer: Buffer{Engine: "badger", MaxDisk: 1 << 30, StreamShare: 100 << 20},
		Memory: 300 << 20,
		Limits: Limits{Body: 1 << 20, Decompressed: 2 << 20, Record: 3 << 10, Records: 4, InFlight: 5 << 20},
		Log:    Log{Level: "warn", Format: "json"},

		APIStreams: APIStreams{PathStyle: true, Region: "us-east-1", Account: "000000000000", Role: "assume", Store: defaults().APIStreams.Store},
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
}

func TestVariableNames(t *testing.T) {
	want := strings.Fields(`HYDRANT_ADMIN HYDRANT_ADMIN_AUTH
		HYDRANT_API_STREAMS_ACCOUNT HYDRANT_API_STREAMS_DIRECTORY HYDRANT_API_STREAMS_ENDPOINT
		HYDRANT_API_STREAMS_LAMBDA_ENDPOINT HYDRANT_API_STREAMS_LAMBDA_PROFILE HYDRANT_API_STREAMS_LAMBDA_REGION HYDRANT_API_STREAMS_LAMBDA_ROLE
		HYDRANT_API_STREAMS_PATH_STYLE
		HYDRANT_API_STREAMS_PROFILE HYDRANT_API_STREAMS_QUOTA_BYTES HYDRANT_API_STREAMS_QUOTA_PARTIAL HYDRANT_API_STREAMS_QUOTA_RECORDS
		HYDRANT_API_STREAMS_QUOTA_REQUESTS HYDRANT_API_STREAMS_REGION HYDRANT_API_STREAMS_ROLE
		HYDRANT_API_STREAMS_STORE_S3_BUCKET HYDRANT_API_STREAMS_STORE_S3_ENDPOINT HYDRANT_API_STREAMS_STORE_S3_PATH_STYLE
		HYDRANT_API_STREAMS_STORE_S3_PREFIX HYDRANT_API_STREAMS_STORE_S3_PROFILE HYDRANT_API_STREAMS_STORE_S3_REGION
		HYDRANT_AUTH HYDRANT_BUFFER_ENGINE HYDRANT_BUFFER_MAX_DISK
		HYDRANT_BUFFER_STREAM_SHARE HYDRANT_CONSOLE_WRITE HYDRANT_CREDENTIALS HYDRANT_DATA_DIR HYDRANT_ENCRYPTION_KEY_FILE
		HYDRANT_ENCRYPTION_KMS_ENDPOINT HYDRANT_ENCRYPTION_KMS_PROFILE HYDRANT_ENCRYPTION_KMS_REGION
		HYDRANT_LIMITS_BODY HYDRANT_LIMITS_DECOMPRESSED HYDRANT_LIMITS_IN_FLIGHT HYDRANT_LIMITS_RECORD
		HYDRANT_LIMITS_RECORDS HYDRANT_LISTEN HYDRANT_LOG_FORMAT HYDRANT_LOG_LEVEL HYDRANT_MEMORY HYDRANT_NODE
		HYDRANT_TLS_CERTIFICATE HYDRANT_TLS_CLIENT_CA HYDRANT_TLS_KEY`)
	got := make([]string, 0, len(want))
	for name := range defaults().settings() {
		got = append(got, name)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestVariableFaults(t *testing.T) {
	_, err := load(t, "listen: nowhere\nlog: {level: loud}\n",
		"HYDRANT_LISTEN=0.0.0.0:80",
		"HYDRANT_LIMITS_RECORDS=many",
		"HYDRANT_LIMITS_INFLIGHT=1GiB",
		"HYDRANT_STREAMS_DEMO_PREFIX=x",
	)
	checkFaults(t, err, []string{
		"environment: HYDRANT_LIMITS_INFLIGHT: no such setting; the nearest is HYDRANT_LIMITS_IN_FLIGHT",
		`environment: HYDRANT_LIMITS_RECORDS: want a whole number, found "many"`,
		"environment: HYDRANT_LISTEN: 0.0.0.0:80 can be reached from other machines",
		"environment: HYDRANT_STREAMS_DEMO_PREFIX: no such setting; the nearest is ",
		`c.yaml:2:7: log.level: "loud" is not one of`,
	})
}

func TestKubernetesServiceVariables(t *testing.T) {
	mustLoad(t, "",
		"HYDRANT_SERVICE_HOST=10.0.0.1",
		"HYDRANT_SERVICE_PORT=8080",
		"HYDRANT_SERVICE_PORT_HTTP=8080",
		"HYDRANT_PORT=tcp://10.0.0.1:8080",
		"HYDRANT_PORT_8080_TCP=tcp://10.0.0.1:8080",
		"HYDRANT_PORT_8080_TCP_PROTO=tcp",
		"HYDRANT_PORT_8080_TCP_PORT=8080",
		"HYDRANT_PORT_8080_TCP_ADDR=10.0.0.1",
		"HYDRANT_ADMIN_SERVICE_HOST=10.0.0.2",
		"HYDRANT_ADMIN_PORT_8081_TCP=tcp://10.0.0.2:8081",
	)
	_, err := load(t, "", "HYDRANT_PORT=8080")
	checkFaults(t, err, []string{"environment: HYDRANT_PORT: no such setting"})
}

func TestExpand(t *testing.T) {
	const noReference = " is no reference to a variable; write ${NAME}, or $${ for ${ itself"
	variables := environment{"A": "1", "long_NAME2": "two", "EMPTY": "", "HYDRANT_NODE": "overridden"}
	c := defaults()
	c.Node = "n1"
	tests := map[string]struct {
		text, want string
		faults     []string
	}{
		"nothing":             {text: "a $ b $$ {c} $A", want: "a $ b $$ {c} $A"},
		"one":                 {text: "<${A}>", want: "<1>"},
		"several":             {text: "${A}${long_NAME2}/${A}", want: "1two/1"},
		"empty":               {text: "<${EMPTY}>", want: "<>"},
		"escaped":             {text: "$${A}", want: "${A}"},
		"escaped twice":       {text: "$$${A}", want: "$${A}"},
		"a setting":           {text: "${HYDRANT_NODE} ${HYDRANT_LIMITS_RECORDS}", want: "n1 10000"},
		"an expression":       {text: "!{timestamp:yyyy}/${A}", want: "!{timestamp:yyyy}/1"},
		"value with a dollar": {text: "${A}{A}", want: "1{A}"},
		"undefined": {
			text:   "${B}/${C}",
			faults: []string{"the environment has no variable B", "the environment has no variable C"},
		},
		"a setting that is empty": {
			text:   "${HYDRANT_AUTH}",
			faults: []string{"the environment has no variable HYDRANT_AUTH"},
		},
		"no name":    {text: "${}", faults: []string{`"${}"` + noReference}},
		"not closed": {text: "a${A", faults: []string{`"${A"` + noReference}},
		"not a name": {text: "${a:-b}", faults: []string{`"${a:-b}"` + noReference}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, faults := variables.expand(test.text, c.settings())
			if !slices.Equal(faults, test.faults) {
				t.Fatalf("got faults %q, want %q", faults, test.faults)
			}
			if len(faults) == 0 && got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestExpandUndoesEscape(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.SampledFrom([]rune("${}A\n"))).Draw(t, "text")
		got, faults := environment{}.expand(strings.ReplaceAll(text, "${", "$${"), nil)
		if got != text || len(faults) > 0 {
			t.Errorf("got %q and faults %q, want %q", got, faults, text)
		}
	})
}

func TestVariablesInStreams(t *testing.T) {
	text := `
node: ${NOT_HERE}
streams:
  s:
    compression: ${METHOD}
    destination: {s3: {bucket: "${BUCKET}-x", path_style: "${STYLE}"}}
`
	_, err := load(t, strings.Replace(text, "node: ${NOT_HERE}", "", 1), "METHOD=gzip", "STYLE=maybe")
	checkFaults(t, err, []string{
		"c.yaml:6:32: streams.s.destination.s3.bucket: the environment has no variable BUCKET",
		`c.yaml:6:59: streams.s.destination.s3.path_style: want true or false, found "maybe"`,
	})

	_, err = load(t, text, "METHOD=gzip", "STYLE=true", "BUCKET=lake", "NOT_HERE=n1")
	checkFaults(t, err, []string{`c.yaml:2:1: node: "${NOT_HERE}" is no name for a node`})

	c := mustLoad(t, strings.Replace(text, "node: ${NOT_HERE}", "", 1), "METHOD=none", "STYLE=true", "BUCKET=lake")
	s := c.Streams[0]
	if s.Compression != "none" || s.Destination.S3.Bucket != "lake-x" || !s.Destination.S3.PathStyle {
		t.Errorf("got %q and %+v, want none, lake-x and path style", s.Compression, s.Destination.S3)
	}
}
