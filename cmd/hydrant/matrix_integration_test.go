//go:build integration

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	"hydrant/gateway/native/recordpb"
	"hydrant/stream"
)

// A bodyForm is a way to send records: single is set where a request has one.
type bodyForm struct {
	name    string
	single  bool
	request func(p *process, stream string, records [][]byte) (*http.Request, error)
}

var bodyForms = []bodyForm{
	{"JSON object", true, native("application/json", "", joined("", "", ""))},
	{"JSON array", false, native("application/json", "", joined("[", ",", "]"))},
	{"NDJSON", false, native("application/x-ndjson", "", joined("", "\n", "\n"))},
	{"protobuf", false, native("application/x-protobuf", "", protobufBody)},
	{"octet-stream", true, native("application/octet-stream", "", joined("", "", ""))},
	{"NDJSON in gzip", false, native("application/x-ndjson", "gzip", joined("", "\n", "\n"))},
	{"NDJSON in zstd", false, native("application/x-ndjson", "zstd", joined("", "\n", "\n"))},
	{"protobuf in snappy", false, native("application/x-protobuf", "snappy", protobufBody)},
	{"`PutRecord`", true, firehoseCall("PutRecord")},
	{"`PutRecordBatch`", false, firehoseCall("PutRecordBatch")},
}

var bodyDestinations = []string{"directory", "S3"}

func joined(begin, between, end string) func([][]byte) []byte {
	return func(records [][]byte) []byte {
		return slices.Concat([]byte(begin), bytes.Join(records, []byte(between)), []byte(end))
	}
}

func protobufBody(records [][]byte) []byte {
	batch := new(recordpb.RecordBatch)
	for _, r := range records {
		batch.Records = append(batch.Records, &recordpb.Record{Data: r})
	}
	data, err := proto.Marshal(batch)
	if err != nil {
		panic(err) // bytes alone
	}
	return data
}

func native(contentType, encoding string, body func([][]byte) []byte) func(*process, string, [][]byte) (*http.Request, error) {
	return func(p *process, stream string, records [][]byte) (*http.Request, error) {
		r, err := http.NewRequest("POST", p.url+"/v1/streams/"+stream+"/records", bytes.NewReader(encode(encoding, body(records))))
		if err != nil {
			return nil, err
		}
		r.Header.Set("Content-Type", contentType)
		if encoding != "" {
			r.Header.Set("Content-Encoding", encoding)
		}
		return r, nil
	}
}

func encode(encoding string, body []byte) []byte {
	switch encoding {
	case "gzip":
		var out bytes.Buffer
		w := gzip.NewWriter(&out)
		_, _ = w.Write(body) // a bytes.Buffer takes everything
		_ = w.Close()
		return out.Bytes()
	case "zstd":
		w, err := zstd.NewWriter(nil)
		if err != nil {
			panic(err) // no options
		}
		return w.EncodeAll(body, nil)
	case "snappy":
		return s2.EncodeSnappy(nil, body)
	}
	return body
}

func firehoseCall(operation string) func(*process, string, [][]byte) (*http.Request, error) {
	type record struct{ Data []byte }
	return func(p *process, stream string, records [][]byte) (*http.Request, error) {
		call := map[string]any{"DeliveryStreamName": stream}
		if operation == "PutRecord" {
			call["Record"] = record{records[0]}
		} else {
			var all []record
			for _, r := range records {
				all = append(all, record{r})
			}
			call["Records"] = all
		}
		body, err := json.Marshal(call)
		if err != nil {
			return nil, err
		}
		r, err := http.NewRequest("POST", p.url+"/", bytes.NewReader(body))
		if err == nil {
			r.Header.Set("Content-Type", "application/x-amz-json-1.1")
			r.Header.Set("X-Amz-Target", "Firehose_20150804."+operation)
		}
		return r, err
	}
}

// movies are real records: nulls, odd types, text in many scripts.
func movies(t *testing.T) [][]byte {
	t.Helper()
	text, err := os.ReadFile("../../.bin/vega-datasets/data/movies.json")
	must(t, err)
	var elements []json.RawMessage
	must(t, json.Unmarshal(text, &elements))
	var records [][]byte
	for _, e := range elements {
		var line bytes.Buffer
		must(t, json.Compact(&line, e))
		records = append(records, line.Bytes())
	}
	if len(records) < 3000 {
		t.Fatalf("only %d movies", len(records))
	}
	return records
}

// Every form of a body, through every compression, into every destination, byte for byte, as other programs read it. The
// README lists what came through here.
func TestEveryBodyCompressionAndDestination(t *testing.T) {
	records := movies(t)
	destinations := map[string]destinationUnderTest{"directory": directoryDestination(t), "S3": s3Destination(t)}
	dir := t.TempDir()
	config := fmt.Sprintf("data_dir: %s/data\nstreams:\n", dir)
	name := func(form int, compression, destination string) string {
		return fmt.Sprintf("%d-%s-%s", form, compression, destination)
	}
	each := func(visit func(form int, compression, destination string)) {
		for form := range bodyForms {
			for _, compression := range stream.Compressions() {
				for _, destination := range bodyDestinations {
					visit(form, compression, destination)
				}
			}
		}
	}
	each(func(form int, compression, destination string) {
		s := name(form, compression, destination)
		config += fmt.Sprintf("  %s:\n    compression: %s\n    buffering: {size: 64MiB, interval: 5s}\n    prefix: \"%s/!{timestamp:yyyy}/\"\n"+
			"    destination:\n      %s\n", s, compression, s, destinations[destination].yaml)
	})
	p := startIn(t, dir, config, destinations["S3"].environment...)
	each(func(form int, compression, destination string) {
		p.sendAll(bodyForms[form], name(form, compression, destination), records)
	})
	p.delivered()
	p.stop()

	compressionOf := func(path string) string {
		name, _, _ := strings.Cut(path, "/")
		name = name[strings.IndexByte(name, '-')+1:]
		return name[:strings.LastIndexByte(name, '-')]
	}
	for destination, d := range destinations {
		decodeObjects(t, d.objects, filepath.Join(dir, destination), compressionOf)
	}
	slices.SortFunc(records, bytes.Compare)
	want := string(joined("", "\n", "\n")(records))
	each(func(form int, compression, destination string) {
		s := name(form, compression, destination)
		if got := linesBelow(t, filepath.Join(dir, destination, s)); got != want {
			t.Errorf("%s: %d bytes were delivered, other than the %d sent", s, len(got), len(want))
		}
	})
	if !t.Failed() {
		checkReadme(t, "bodies", bodiesSentence())
	}
}

// bodiesSentence is what the README says once every combination came through.
func bodiesSentence() string {
	var forms []string
	for _, f := range bodyForms {
		forms = append(forms, f.name)
	}
	compressions := stream.Compressions()
	return fmt.Sprintf("All %d combinations of these deliver every record byte for byte, as other programs read the objects:\n\n"+
		"- body: %s\n- compression of objects: %s\n- destination: %s\n", len(forms)*len(compressions)*len(bodyDestinations),
		strings.Join(forms, ", "), strings.Join(compressions, ", "), strings.Join(bodyDestinations, ", "))
}

// sendAll sends the records, several requests at once where each has one.
func (p *process) sendAll(form bodyForm, stream string, records [][]byte) {
	p.t.Helper()
	size := 400
	if form.single {
		size = 1
	}
	var senders errgroup.Group
	senders.SetLimit(32)
	for batch := range slices.Chunk(records, size) {
		senders.Go(func() error {
			r, err := form.request(p, stream, batch)
			if err != nil {
				return err
			}
			answer, err := matrixClient.Do(r)
			if err != nil {
				return err
			}
			defer answer.Body.Close()
			text, err := io.ReadAll(answer.Body)
			if answer.StatusCode != http.StatusOK {
				err = errors.Join(err, fmt.Errorf("%s: %s: %s", form.name, answer.Status, text))
			}
			return err
		})
	}
	must(p.t, senders.Wait())
}

var matrixClient = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}

// decoders are programs that know nothing of Hydrant, and write out what the file named last holds.
var decoders = map[string][]string{
	"none": {"cat"}, "gzip": {"gzip", "-dc"}, "zstd": {"zstd", "-q", "-dc"}, "zip": {"unzip", "-p"},
}

// decodeObjects writes what the objects below from hold into files of the same names below to. The snappy formats are
// read by the libraries that they come from, all in one run of Java.
func decodeObjects(t *testing.T, from, to string, compressionOf func(path string) string) {
	t.Helper()
	java := []string{"-cp", "../../.bin/java/*", "../../delivery/format/testdata/java/Decode.java"}
	must(t, filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil || strings.HasPrefix(name, ".") { // a lease or a probe
			return err
		}
		decoded, compression := filepath.Join(to, name), compressionOf(name)
		if err := os.MkdirAll(filepath.Dir(decoded), 0o755); err != nil {
			return err
		}
		program := decoders[compression]
		if program == nil {
			java = append(java, compression, path, decoded)
			return nil
		}
		return os.WriteFile(decoded, []byte(command(t, "", program[0], append(slices.Clone(program[1:]), path)...)), 0o600)
	}))
	command(t, "", "java", java...)
}

// linesBelow are the lines of all files below dir, in order of their bytes.
func linesBelow(t *testing.T, dir string) string {
	t.Helper()
	var lines []string
	must(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		lines = slices.AppendSeq(lines, strings.Lines(string(text)))
		return err
	}))
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// checkReadme compares a part of the README with what a test has seen, or writes it with -update.
func checkReadme(t *testing.T, name, made string) {
	t.Helper()
	const path = "../../README.md"
	text, err := os.ReadFile(path)
	must(t, err)
	begin, end := fmt.Sprintf("<!-- %s: made by a test -->\n", name), fmt.Sprintf("<!-- end of %s -->", name)
	before, rest, found := strings.Cut(string(text), begin)
	have, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("the README has no part %s", name)
	}
	if *update {
		must(t, os.WriteFile(path, []byte(before+begin+made+end+after), 0o644))
		return
	}
	if have != made {
		t.Errorf("the README's part %s is not what came through here; run with -update. It would be\n%s", name, made)
	}
}
