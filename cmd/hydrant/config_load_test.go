package main

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hydrant/stream"
)

// load reads text as the file c.yaml.
func load(t *testing.T, text string, environ ...string) (*Config, error) {
	t.Helper()
	return parseConfig("c.yaml", []byte(text), parseEnvironment(environ))
}

func mustLoad(t *testing.T, text string, environ ...string) *Config {
	t.Helper()
	c, err := load(t, text, environ...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestLoadWithoutAFile(t *testing.T) {
	c, err := Load("", nil)
	if err != nil {
		t.Fatal(err)
	}
	want := defaults()
	want.Streams = c.Streams
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("the settings are not the defaults (-want +got):\n%s", diff)
	}
	if len(c.Streams) != 1 {
		t.Fatalf("got %d streams, want 1", len(c.Streams))
	}
	wantDemo := stream.Stream{
		Name:        "demo",
		Buffering:   stream.Buffering{Size: 64 << 20, Interval: stream.Duration(5 * time.Second)},
		Compression: "gzip",
		Destination: stream.Destination{Directory: &stream.Directory{Path: "./hydrant-data/objects"}},
	}.WithDefaults()
	if diff := cmp.Diff(wantDemo, c.Streams[0]); diff != "" {
		t.Errorf("stream demo (-want +got):\n%s", diff)
	}
}

func TestDemoObjectsFollowTheDataDirectory(t *testing.T) {
	c, err := Load("", []string{"HYDRANT_DATA_DIR=/var/lib/hydrant"})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.Streams[0].Destination.Directory.Path, "/var/lib/hydrant/objects"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

const exampleFile = "../../configs/example.yaml"

func TestLoadExample(t *testing.T) {
	c, err := Load(exampleFile, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) != 0 {
		t.Errorf("the example has warnings: %v", c.Warnings)
	}
	if len(c.Streams) != 3 || c.Streams[0].Name != "clicks" || c.Streams[1].Name != "logs" || c.Streams[2].Name != "audit" {
		t.Errorf("got %v, want clicks, logs and audit in this order", c.Streams)
	}
	want := defaults()
	want.Node, want.Streams = "edge-1", c.Streams
	want.Memory, want.Limits.InFlight = 384<<20, 96<<20 // on a machine of 1536 MiB or more
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("the example calls defaults what are none (-want +got):\n%s", diff)
	}
}

func TestExampleShowsEveryKey(t *testing.T) {
	text, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range append(allKeys(reflect.TypeFor[Config]()), allKeys(reflect.TypeFor[stream.Stream]())...) {
		if !strings.Contains(string(text), key+":") {
			t.Errorf("the example does not show the key %s", key)
		}
	}
}

func allKeys(t reflect.Type) []string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if isScalar(t) || t.Kind() != reflect.Struct {
		return nil
	}
	var keys []string
	for i := range t.NumField() {
		if key := t.Field(i).Tag.Get("yaml"); key != "-" {
			keys = append(append(keys, key), allKeys(t.Field(i).Type)...)
		}
	}
	return keys
}

func TestLoadFormsOfText(t *testing.T) {
	c := mustLoad(t, `
node: &name 007
data_dir: |-
  /data
log: {level: ~, format:}
limits:
streams:
  1.5: {destination: {directory: {path: true}}, compression: "none", delimiter: *name}
`)
	if c.Node != "007" || c.DataDir != "/data" || c.Log != defaults().Log || c.Limits != defaults().Limits {
		t.Errorf("got %+v", c)
	}
	s := c.Streams[0]
	if s.Name != "1.5" || s.Destination.Directory.Path != "true" || s.Compression != "none" || *s.Delimiter != "007" {
		t.Errorf("got %+v", s)
	}
}

func TestLoadEveryKey(t *testing.T) {
	c := mustLoad(t, `
node: n1
listen: 127.0.0.1:9000
admin: "[::1]:9001"
data_dir: /data
buffer: {engine: badger, max_disk: 1GiB, stream_share: 100MiB}
memory: 300MiB
limits: {body: 1MiB, decompressed: 2MiB, record: 3KiB, records: 4, in_flight: 5MiB}
auth: none
api_streams: {endpoint: "http://localhost:1", path_style: true, region: eu-central-1, account: "123456789012", profile: lake, role: ignore,
  store: {s3: {bucket: fleet, prefix: streams/, region: eu-west-1, endpoint: "http://localhost:2", path_style: true, profile: keeper}}}
log: {level: debug, format: json}
streams:
  all:
    buffering: {size: 2MiB, interval: 7s}
    prefix: "p/!{timestamp:yyyy}/!{partitionKeyFromQuery:k}/"
    error_prefix: "e/!{firehose:error-output-type}/"
    partition_keys: {k: .k}
    time_zone: Europe/Berlin
    compression: none
    delimiter: ""
    destination: {s3: {bucket: bucket, region: eu-central-1, endpoint: "http://localhost:1", path_style: true}}
`)
	none := ""
	want := &Config{
		Node: "n1", Listen: "127.0.0.1:9000", Admin: "[::1]:9001", DataDir: "/data", Auth: "none",
		Buffer: Buffer{Engine: "badger", MaxDisk: 1 << 30, StreamShare: 100 << 20},
		Memory: 300 << 20,
		Limits: Limits{Body: 1 << 20, Decompressed: 2 << 20, Record: 3 << 10, Records: 4, InFlight: 5 << 20},
		Log:    Log{Level: "debug", Format: "json"},
		APIStreams: APIStreams{
			Endpoint: "http://localhost:1", PathStyle: true, Region: "eu-central-1", Account: "123456789012", Profile: "lake", Role: "ignore",
			Store: DefinitionStore{S3: DefinitionBucket{
				Bucket: "fleet", Prefix: "streams/", Region: "eu-west-1", Endpoint: "http://localhost:2", PathStyle: true, Profile: "keeper",
			}},
		},
		Streams: []stream.Stream{{
			Name:          "all",
			Buffering:     stream.Buffering{Size: 2 << 20, Interval: stream.Duration(7 * time.Second)},
			Prefix:        "p/!{timestamp:yyyy}/!{partitionKeyFromQuery:k}/",
			ErrorPrefix:   "e/!{firehose:error-output-type}/",
			PartitionKeys: map[string]string{"k": ".k"},
			TimeZone:      "Europe/Berlin",
			Compression:   "none",
			Delimiter:     &none,
			Destination: stream.Destination{
				S3: &stream.S3{Bucket: "bucket", Region: "eu-central-1", Endpoint: "http://localhost:1", PathStyle: true},
			},
		}},
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLoadReadsTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hydrant.yaml")
	if err := os.WriteFile(path, []byte("listen: nowhere\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Load(path, nil)
	want := path + `:1:1: listen: "nowhere" is not host:port, as 127.0.0.1:8080`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestLoadRefusesUnreadableFiles(t *testing.T) {
	large := filepath.Join(t.TempDir(), "large.yaml")
	if err := os.WriteFile(large, make([]byte, maxConfigBytes+1), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct{ path, want string }{
		"missing":     {filepath.Join(t.TempDir(), "missing.yaml"), "no such file"},
		"a directory": {t.TempDir(), "is a directory"},
		"too large":   {large, "has more than 1048576 bytes"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Load(test.path, nil)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if _, ok := errors.AsType[Faults](err); ok {
				t.Error("got faults for a configuration that was not read")
			}
		})
	}
}
