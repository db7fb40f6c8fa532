package s3

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/encoding/httpbinding"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"hydrant/delivery"
)

// place is where the objects of a bucket are sent to, as the SDK found it. An upload of one request goes there directly: the
// SDK makes each of its requests by some fifty steps, which take as long as all else that is done for a small object. What is
// on the wire is the same, and so is whoever reads the answer: only a plain success is understood here, all else is given to
// the SDK.
type place struct {
	bucket *url.URL // its path ends with a slash
	region string   // that requests are signed for
}

// nowhere is the place of what only the SDK can send: a bucket of directories, which wants sessions, or one that is named by
// an ARN.
var nowhere = new(place)

// placeKey is the key by which a place is found; nothing has it.
const placeKey = "hydrant"

// place returns where objects are sent to. The SDK sends nothing to find it.
func (d *Destination) place(ctx context.Context) (*place, error) {
	if p := d.found.Load(); p != nil {
		return p, nil
	}
	p := nowhere
	if !strings.HasSuffix(d.bucket, "--x-s3") && !strings.Contains(d.bucket, ":") {
		signed, err := sdk.NewPresignClient(d.client).PresignPutObject(ctx, &sdk.PutObjectInput{Bucket: &d.bucket, Key: aws.String(placeKey)})
		if err != nil {
			return nil, err
		}
		p = parsePlace(signed.URL)
	}
	d.found.Store(p)
	return p, nil
}

// parsePlace reads the place of a presigned request for placeKey; nowhere if it is signed in another way than is done here.
func parsePlace(presigned string) *place {
	at, err := url.Parse(presigned)
	if err != nil {
		return nowhere
	}
	query := at.Query()
	scope := strings.Split(query.Get("X-Amz-Credential"), "/") // the access key, which may hold slashes, date, region, service, its end
	path, found := strings.CutSuffix(at.EscapedPath(), "/"+placeKey)
	if n := len(scope); !found || n < 5 || scope[n-2] != "s3" || query.Get("X-Amz-Algorithm") != "AWS4-HMAC-SHA256" {
		return nowhere
	}
	bucket := &url.URL{Scheme: at.Scheme, Host: at.Host, RawPath: path + "/"}
	if bucket.Path, err = url.PathUnescape(bucket.RawPath); err != nil {
		return nowhere
	}
	return &place{bucket: bucket, region: scope[len(scope)-3]}
}

// url is that of an upload's request.
func (p *place) url(key string) *url.URL {
	at := *p.bucket
	at.Path += key
	at.RawPath += httpbinding.EscapePath(key, false)
	at.RawQuery = "x-id=PutObject"
	return &at
}

// putDirectly sends one request. All but a plain success is read by the SDK, as if it had sent the request.
func (d *Destination) putDirectly(ctx context.Context, p *place, o *delivery.Object, input *sdk.PutObjectInput) (*sdk.PutObjectOutput, error) {
	request, err := d.request(ctx, p, o, input)
	if err != nil {
		return nil, err
	}
	a := new(answered)
	if a.response, a.err = d.http.Do(request); a.response != nil {
		defer a.response.Body.Close()
	}
	if a.err == nil && isPlain(a.response) {
		return &sdk.PutObjectOutput{ETag: aws.String(a.response.Header.Get("ETag"))}, nil
	}
	output, err := d.client.PutObject(ctx, input, func(options *sdk.Options) { options.HTTPClient = a })
	if !a.read {
		return nil, &smithyhttp.RequestSendError{Err: a.unread(err)}
	}
	if codeOf(err) == "RequestTimeTooSkewed" {
		d.found.Store(nowhere) // the SDK knows by now how wrong this machine's clock is
	}
	return output, err
}

// isPlain reports whether an answer says nothing but that the object is there. It leaves others whole.
func isPlain(r *http.Response) bool {
	if r.StatusCode != http.StatusOK || r.Header.Get("ETag") == "" {
		return false
	}
	first := make([]byte, 1)
	n, err := io.ReadFull(r.Body, first)
	if errors.Is(err, io.EOF) {
		return true
	}
	r.Body = &rest{io.MultiReader(bytes.NewReader(first[:n]), r.Body), r.Body}
	return false
}

// rest is a body whose beginning was read.
type rest struct {
	io.Reader
	io.Closer
}

// answered is a client of the SDK's whose request was sent before, and ended so.
type answered struct {
	response *http.Response
	err      error
	read     bool
}

// Do implements sdk.HTTPClient.
func (a *answered) Do(*http.Request) (*http.Response, error) {
	a.read = true
	return a.response, a.err
}

// unread is what is known where the SDK did not come to read how the request ended, for the reason why. The reason is kept as
// text alone: it says nothing of the request, which was sent.
func (a *answered) unread(why error) error {
	if a.err != nil {
		return a.err
	}
	return fmt.Errorf("the answer was not read: %v", why)
}

// expectFrom is the size from which a body waits until the store has looked at the head of the request. It is the SDK's.
const expectFrom = 2 << 20

// request is the one that the SDK would send.
func (d *Destination) request(ctx context.Context, p *place, o *delivery.Object, input *sdk.PutObjectInput) (*http.Request, error) {
	keys, err := d.credentials.Retrieve(ctx)
	if err != nil {
		return nil, err
	}
	body := newReader(o.Body) // of its own: one that was given up may be read on
	r := (&http.Request{
		Method: http.MethodPut, URL: p.url(o.Key), Header: headerOf(input),
		Body: io.NopCloser(body), ContentLength: body.size, Host: p.bucket.Host,
	}).WithContext(ctx)
	if body.size == 0 {
		r.Body = http.NoBody // else its length would count as unknown
	}
	hash := "UNSIGNED-PAYLOAD"
	if !d.amazon {
		hash = payloadHash(o.Body)
	}
	r.Header.Set("X-Amz-Content-Sha256", hash)
	if body.size >= expectFrom {
		r.Header.Set("Expect", "100-continue")
	}
	if err := d.signer.SignHTTP(ctx, keys, r, hash, "s3", p.region, time.Now()); err != nil {
		return nil, err
	}
	r.Header.Set("User-Agent", "hydrant")
	r.Header.Set("Accept-Encoding", "identity")
	return r, nil
}

// headerOf is what an input says in headers.
func headerOf(input *sdk.PutObjectInput) http.Header {
	header := make(http.Header, 24)
	set := func(name string, value *string) {
		if value != nil && *value != "" {
			header.Set(name, *value)
		}
	}
	set("Content-Type", input.ContentType)
	set("Content-Encoding", input.ContentEncoding)
	set("If-None-Match", input.IfNoneMatch)
	set("X-Amz-Checksum-Crc32c", input.ChecksumCRC32C)
	set("X-Amz-Storage-Class", (*string)(&input.StorageClass))
	set("X-Amz-Tagging", input.Tagging)
	set("X-Amz-Server-Side-Encryption", (*string)(&input.ServerSideEncryption))
	set("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id", input.SSEKMSKeyId)
	for name, value := range input.Metadata {
		header.Set("X-Amz-Meta-"+name, value)
	}
	return header
}

// payloadHash is the body's SHA-256 as a signature has it.
func payloadHash(body delivery.Body) string {
	sum := sha256.New()
	for _, piece := range body {
		sum.Write(piece) // never fails
	}
	return hex.EncodeToString(sum.Sum(nil))
}
