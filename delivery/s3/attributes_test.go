package s3

import (
	"bytes"
	"maps"
	"net/http"
	"testing"

	"hydrant/delivery"
	"hydrant/stream"
)

var adorned = stream.S3{
	StorageClass: "STANDARD_IA",
	Tags:         map[string]string{"team": "data lake", "cost/centre": "4711", "a+b": "x=y: z"},
	Metadata:     map[string]string{"owner": "someone@example.com", "retention": "7 years"},
	SSE:          "aws:kms",
	KMSKey:       "alias/lake",
}

var adornedHeaders = map[string]string{
	"X-Amz-Storage-Class":                         "STANDARD_IA",
	"X-Amz-Tagging":                               "a%2Bb=x%3Dy%3A+z&cost%2Fcentre=4711&team=data+lake",
	"X-Amz-Meta-Owner":                            "someone@example.com",
	"X-Amz-Meta-Retention":                        "7 years",
	"X-Amz-Meta-Hydrant-Stream":                   "clicks",
	"X-Amz-Meta-Hydrant-Checksum":                 "xxh64:00c0ffee",
	"X-Amz-Server-Side-Encryption":                "aws:kms",
	"X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id": "alias/lake",
	"Content-Type":                                "application/octet-stream",
}

// What a definition says of objects is in the request that makes one, whether it goes in one piece or in parts.
func TestAttributesOnTheWire(t *testing.T) {
	bare := maps.Clone(adornedHeaders)
	for _, name := range []string{
		"X-Amz-Storage-Class", "X-Amz-Tagging", "X-Amz-Meta-Owner", "X-Amz-Meta-Retention",
		"X-Amz-Server-Side-Encryption", "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id",
	} {
		bare[name] = ""
	}
	for name, tt := range map[string]struct {
		definition stream.S3
		want       map[string]string
	}{
		"all":         {adorned, adornedHeaders},
		"none":        {stream.S3{}, bare},
		"SSE with S3": {stream.S3{SSE: "AES256"}, with(bare, "X-Amz-Server-Side-Encryption", "AES256")},
		"KMS default": {stream.S3{SSE: "aws:kms"}, with(bare, "X-Amz-Server-Side-Encryption", "aws:kms")},
	} {
		for _, encoding := range []string{"", "gzip", "zstd", "snappy-java", "hadoop-snappy", "zip"} {
			for kind, size := range map[string]int{"PUT": 10, "begin": part + 10} {
				t.Run(name+"/"+encoding+"/"+kind, func(t *testing.T) {
					b, d, o := dialParts(t)
					d.attributes = newAttributes(tt.definition)
					b.answer["PUT"] = func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("ETag", `"x"`) }
					o.Body, o.ContentEncoding = delivery.Body{bytes.Repeat([]byte("a"), size)}, encoding
					if err := d.Create(t.Context(), o); err != nil {
						t.Fatal(err)
					}
					if !b.has(kind) {
						t.Fatalf("requests are %q, want a %s", b.requests, kind)
					}
					expectHeaders(t, request{header: b.headers[kind]}, with(tt.want, "Content-Encoding", encoding))
				})
			}
		}
	}
}

// A bucket may refuse what is not encrypted: leases and canaries are, as objects are. They bear nothing else.
func TestRecordsAndCanariesAreEncrypted(t *testing.T) {
	b, d, _ := dialParts(t)
	d.attributes = newAttributes(adorned)
	b.answer["PUT"] = func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/lake/.hydrant-lease/name" { // the canary exists, says the store, and so parts are tried as well
			answer(w, r, http.StatusPreconditionFailed, "PreconditionFailed")
		}
	}
	if _, err := d.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"X-Amz-Server-Side-Encryption":                "aws:kms",
		"X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id": "alias/lake",
		"X-Amz-Storage-Class":                         "",
		"X-Amz-Tagging":                               "",
		"X-Amz-Meta-Owner":                            "",
	}
	for _, kind := range []string{"PUT", "begin"} {
		expectHeaders(t, request{header: b.headers[kind]}, want)
	}
	delete(b.headers, "PUT")
	if err := d.StoreRecord(t.Context(), "name", "", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	expectHeaders(t, request{header: b.headers["PUT"]}, want)
}

func with(headers map[string]string, name, value string) map[string]string {
	headers = maps.Clone(headers)
	headers[name] = value
	return headers
}
