package bench

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/valyala/fasthttp"
	"google.golang.org/protobuf/proto"

	"hydrant/gateway/native/recordpb"
)

// Bodies are what other code reads as the records, whatever their form and encoding.
func TestBodies(t *testing.T) {
	for body, read := range map[string]func(t *testing.T, contentType string, body []byte) string{
		Auto: readText, JSON: readText, NDJSON: readText, OctetStream: readText, Protobuf: readProtobuf,
	} {
		for encoding, decode := range map[string]func([]byte) ([]byte, error){
			Identity: func(b []byte) ([]byte, error) { return b, nil }, Gzip: gunzip, Zstd: unzstd,
			Snappy: func(b []byte) ([]byte, error) { return snappy.Decode(nil, b) },
		} {
			for _, batch := range []int{1, 3} {
				o := DefaultOptions()
				o.Body, o.Encoding, o.Batch = body, encoding, batch
				if err := o.Validate(); body == OctetStream && batch > 1 {
					if err == nil {
						t.Error("several records in an octet-stream are taken")
					}
					continue
				} else if err != nil {
					t.Fatal(err)
				}
				p := newProtocol(o)
				var request fasthttp.Request
				p.prepare(&request, "http://h:1/", "s")
				if got := string(request.Header.ContentEncoding()); got != o.Encoding && (got != "" || o.Encoding != Identity) {
					t.Errorf("Content-Encoding is %q for %s", got, o.Encoding)
				}
				for range 2 { // the writers are used again
					author, same := newAuthor(testRun, 1, plain(300, keyNames(5))), newAuthor(testRun, 1, plain(300, keyNames(5)))
					plain, err := decode(p.appendBody(nil, author, 7, batch))
					if err != nil {
						t.Fatalf("%s, %s: %v", body, encoding, err)
					}
					var want string
					for n := range uint64(batch) {
						want += string(same.append(nil, 7+n)) + "\n"
					}
					if got := read(t, string(request.Header.ContentType()), plain); got != want {
						t.Errorf("%s, %s, %d records: got %q, want %q", body, encoding, batch, got, want)
					}
				}
			}
		}
	}
}

// readText returns the records of a body of text, a line each.
func readText(t *testing.T, contentType string, body []byte) string {
	t.Helper()
	text := string(body)
	switch contentType {
	case "application/x-ndjson":
		return text
	case "application/json":
		if strings.HasPrefix(text, "[") {
			text = strings.ReplaceAll(strings.Trim(text, "[]"), "},{", "}\n{")
		}
		return text + "\n"
	case "application/octet-stream":
		return text + "\n"
	}
	t.Errorf("content type %s", contentType)
	return ""
}

func readProtobuf(t *testing.T, contentType string, body []byte) string {
	t.Helper()
	var batch recordpb.RecordBatch
	if err := proto.Unmarshal(body, &batch); err != nil || contentType != "application/x-protobuf" {
		t.Errorf("%s: %v", contentType, err)
	}
	var lines strings.Builder
	for _, r := range batch.Records {
		fmt.Fprintf(&lines, "%s\n", r.Data)
	}
	return lines.String()
}

func gunzip(b []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func unzstd(b []byte) ([]byte, error) {
	r, err := zstd.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}
