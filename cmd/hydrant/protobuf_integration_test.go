//go:build integration

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"

	"hydrant/gateway/native/recordpb"
)

// What a node publishes is enough for a client in any language: protoc compiles it to what the generated Go code is of, and
// writes a body by it that curl sends and that is delivered byte for byte.
func TestProtobufAsPublished(t *testing.T) {
	dir := t.TempDir()
	objects := filepath.Join(dir, "objects")
	p := startIn(t, dir, clientConfig(dir, fmt.Sprintf("directory: {path: %s}", objects)))
	must(t, os.WriteFile(filepath.Join(dir, "records.proto"), []byte(command(t, "", "curl", "-sSf", p.url+"/v1/records.proto")), 0o600))

	compiled := filepath.Join(dir, "compiled")
	command(t, "", "protoc", "-I", dir, "--descriptor_set_out", compiled, "records.proto")
	data, err := os.ReadFile(compiled)
	must(t, err)
	published := new(descriptorpb.FileDescriptorSet)
	must(t, proto.Unmarshal(data, published))
	if want := protodesc.ToFileDescriptorProto(recordpb.File_records_proto); !proto.Equal(published.File[0], want) {
		t.Errorf("the generated code is of %v, published is %v: run go generate ./gateway/native/recordpb", want, published.File[0])
	}

	records := movies(t)[:1000]
	body := command(t, batchAsText(records), "protoc", "-I", dir, "--encode=hydrant.v1.RecordBatch", "records.proto")
	answer := command(t, body, "curl", "-sSf", "-H", "Content-Type: application/x-protobuf", "--data-binary", "@-", p.url+"/v1/streams/plain/records")
	if want := `{"records":1000,"sequence":"0/1-1000","duplicate":false}`; answer != want {
		t.Errorf("got %s, want %s", answer, want)
	}
	p.delivered()
	p.stop()
	var got []string // of one object, or of two where the second before the seal was over between the request's blocks
	for _, content := range files(t, objects) {
		got = slices.AppendSeq(got, strings.Lines(content))
	}
	slices.Sort(got)
	slices.SortFunc(records, bytes.Compare)
	if want := string(joined("", "\n", "\n")(records)); strings.Join(got, "") != want {
		t.Errorf("%d records are delivered, other than the %d sent", len(got), len(records))
	}
}

// batchAsText is a RecordBatch in protobuf's text format.
func batchAsText(records [][]byte) string {
	var text strings.Builder
	for _, r := range records {
		text.WriteString(`records { data: "`)
		for _, b := range r {
			fmt.Fprintf(&text, `\%03o`, b)
		}
		text.WriteString("\" }\n")
	}
	return text.String()
}
