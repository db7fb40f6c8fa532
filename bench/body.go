package bench

import (
	"bytes"
	"net/url"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/valyala/fasthttp"
	"google.golang.org/protobuf/encoding/protowire"
)

// The forms of a native request's body.
const (
	Auto        = "auto" // JSON for one record, NDJSON for more
	JSON        = "json" // an object for one record, an array for more
	NDJSON      = "ndjson"
	Protobuf    = "protobuf"
	OctetStream = "octet-stream" // one record
)

// form is how records become a body.
type form struct {
	contentType string
	appendBody  func(dst []byte, a *author, first uint64, records int) []byte
}

// formOf is the form that the options ask for.
func formOf(o Options) form {
	switch {
	case o.Body == NDJSON, o.Body == Auto && o.Batch > 1:
		return form{"application/x-ndjson", appendLines}
	case o.Body == Protobuf:
		return form{"application/x-protobuf", new(protobufWriter).appendBody}
	case o.Body == OctetStream:
		return form{"application/octet-stream", appendJSON}
	}
	return form{"application/json", appendJSON}
}

func appendJSON(dst []byte, a *author, first uint64, records int) []byte {
	if records == 1 {
		return a.append(dst, first)
	}
	for i := range uint64(records) {
		dst = append(dst, "[,"[min(i, 1)])
		dst = a.append(dst, first+i)
	}
	return append(dst, ']')
}

func appendLines(dst []byte, a *author, first uint64, records int) []byte {
	for i := range uint64(records) {
		dst = append(a.append(dst, first+i), '\n')
	}
	return dst
}

// protobufWriter writes a hydrant.v1.RecordBatch.
type protobufWriter struct{ record []byte }

func (w *protobufWriter) appendBody(dst []byte, a *author, first uint64, records int) []byte {
	const field = 1 // RecordBatch.records, and Record.data
	for i := range uint64(records) {
		w.record = a.append(w.record[:0], first+i)
		message := protowire.SizeTag(field) + protowire.SizeBytes(len(w.record))
		dst = protowire.AppendTag(dst, field, protowire.BytesType)
		dst = protowire.AppendVarint(dst, uint64(message))
		dst = protowire.AppendTag(dst, field, protowire.BytesType)
		dst = protowire.AppendBytes(dst, w.record)
	}
	return dst
}

// nativeProtocol is POST /v1/streams/{stream}/records.
type nativeProtocol struct{ form form }

func (p nativeProtocol) prepare(request *fasthttp.Request, gateway, stream string) {
	request.SetRequestURI(strings.TrimSuffix(gateway, "/") + "/v1/streams/" + url.PathEscape(stream) + "/records")
	request.Header.SetContentType(p.form.contentType)
}

func (p nativeProtocol) appendBody(dst []byte, a *author, first uint64, records int) []byte {
	return p.form.appendBody(dst, a, first, records)
}

func (nativeProtocol) judge(dst []part, _ []byte, records int) []part {
	return append(dst, part{records: records, outcome: acked})
}

// The encodings of a body.
const (
	Identity = "identity"
	Gzip     = "gzip"
	Zstd     = "zstd"
	Snappy   = "snappy"
)

// encoded is a protocol whose bodies are compressed.
type encoded struct {
	protocol
	name     string
	compress func(dst, body []byte) []byte
	body     []byte // scratch
}

func newEncoded(p protocol, encoding string) protocol {
	switch encoding {
	case Gzip:
		return &encoded{protocol: p, name: Gzip, compress: newGzip()}
	case Zstd:
		return &encoded{protocol: p, name: Zstd, compress: newZstd()}
	case Snappy:
		return &encoded{protocol: p, name: Snappy, compress: appendSnappy}
	}
	return p
}

func newGzip() func(dst, body []byte) []byte {
	w, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	if err != nil {
		panic("bench: gzip: " + err.Error()) // a constant
	}
	return func(dst, body []byte) []byte {
		out := bytes.NewBuffer(dst)
		w.Reset(out)
		_, _ = w.Write(body) // a bytes.Buffer takes everything
		_ = w.Close()
		return out.Bytes()
	}
}

func newZstd() func(dst, body []byte) []byte {
	w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		panic("bench: zstd: " + err.Error()) // constants
	}
	return func(dst, body []byte) []byte { return w.EncodeAll(body, dst) }
}

func appendSnappy(dst, body []byte) []byte { return append(dst, s2.EncodeSnappy(nil, body)...) }

func (e *encoded) prepare(request *fasthttp.Request, gateway, stream string) {
	e.protocol.prepare(request, gateway, stream)
	request.Header.SetContentEncoding(e.name)
}

func (e *encoded) appendBody(dst []byte, a *author, first uint64, records int) []byte {
	e.body = e.protocol.appendBody(e.body[:0], a, first, records)
	return e.compress(dst, e.body)
}
