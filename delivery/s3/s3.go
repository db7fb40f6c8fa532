// Package s3 keeps objects in a bucket of Amazon S3 or of a store that speaks its protocol.
//
// An object is created by one PutObject of known length with "If-None-Match: *", or above singlePut in parts whose end
// carries that condition: the store makes it visible whole, and only if no object has the key. Probe finds out whether the
// store keeps to the condition; where it does not, Create looks first. The SDK's retries are off, delivery has its own.
package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"

	"hydrant/delivery"
	"hydrant/delivery/outbound"
	"hydrant/stream"
)

// Destination is a bucket.
type Destination struct {
	client      *sdk.Client
	http        sdk.HTTPClient   // the client's
	signer      sdk.HTTPSignerV4 // the client's
	found       atomic.Pointer[place]
	credentials aws.CredentialsProvider
	bucket      string
	amazon      bool // not a store behind an endpoint of its own
	attributes  attributes
	patience    func(bytes int64) time.Duration
	singlePut   int64 // bytes of the largest body that is sent in one request
	partSize    int64
	partsAtOnce int
	conditions  atomic.Pointer[delivery.Conditions] // nil until Probe has found them: taken for honoured
}

// New prepares a bucket's use and sends nothing. Credentials, region and whatever else the definition leaves open come
// from the AWS default chain: environment, shared files, the machine's role. A role of the definition's is assumed when
// its credentials are first needed.
func New(ctx context.Context, definition stream.S3) (*Destination, error) {
	chain, err := settingsOf(ctx, definition)
	if err != nil {
		return nil, err
	}
	return newDestination(chain, definition)
}

// Client is the SDK's, with the credentials and the place that New would use. It retries nothing.
func Client(ctx context.Context, definition stream.S3) (*sdk.Client, error) {
	chain, err := settingsOf(ctx, definition)
	if err != nil {
		return nil, err
	}
	return newClient(chain, definition)
}

func settingsOf(ctx context.Context, definition stream.S3) (aws.Config, error) {
	if err := check(definition); err != nil {
		return aws.Config{}, fmt.Errorf("destination s3: %w", err)
	}
	chain, err := loadSettings(ctx, definition)
	if err != nil {
		return aws.Config{}, fmt.Errorf("destination s3: read the AWS settings of this machine: %w", err)
	}
	chain.Credentials = &credentialChain{current: chain.Credentials, load: func(ctx context.Context) (aws.CredentialsProvider, error) {
		fresh, err := loadSettings(ctx, definition)
		return fresh.Credentials, err
	}}
	return chain, nil
}

func check(definition stream.S3) error {
	if definition.Bucket == "" {
		return errors.New("bucket is empty: name a bucket")
	}
	if definition.Endpoint == "" {
		return nil
	}
	endpoint, err := url.Parse(definition.Endpoint)
	if err != nil {
		return fmt.Errorf("endpoint: %w", err)
	}
	if (endpoint.Scheme != "http" && endpoint.Scheme != "https") || endpoint.Host == "" {
		return fmt.Errorf("endpoint %q is no URL of a server: write it as https://host or http://host:port",
			definition.Endpoint)
	}
	return nil
}

func newClient(chain aws.Config, definition stream.S3) (*sdk.Client, error) {
	client := sdk.NewFromConfig(chain, func(o *sdk.Options) {
		o.HTTPClient = frozen(chain.HTTPClient, nil)
		if definition.Endpoint != "" {
			o.BaseEndpoint = &definition.Endpoint
			o.HTTPClient = frozen(chain.HTTPClient, outbound.Guard)
		}
		if o.Region == "" && o.BaseEndpoint != nil {
			o.Region = "us-east-1" // what stores without regions expect in a signature
		}
		o.UsePathStyle = definition.PathStyle
		o.Retryer = aws.NopRetryer{}
		o.HTTPSignerV4 = new(signer)
		// Create sends its own proof of integrity, and delivery checks what it reads. The SDK's default, a trailer,
		// is refused by many stores.
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	})
	if client.Options().Region == "" {
		return nil, errors.New("destination s3: region is empty: set it, or AWS_REGION in the environment")
	}
	return client, nil
}

func newDestination(chain aws.Config, definition stream.S3) (*Destination, error) {
	client, err := newClient(chain, definition)
	if err != nil {
		return nil, err
	}
	return &Destination{
		client:      client,
		http:        client.Options().HTTPClient,
		signer:      client.Options().HTTPSignerV4,
		credentials: chain.Credentials,
		bucket:      definition.Bucket,
		amazon:      client.Options().BaseEndpoint == nil,
		attributes:  newAttributes(definition),
		patience:    patience,
		singlePut:   singlePut,
		partSize:    partSize,
		partsAtOnce: partsAtOnce,
	}, nil
}

// Close closes idle connections.
func (d *Destination) Close() error {
	if client, ok := d.http.(interface{ CloseIdleConnections() }); ok {
		client.CloseIdleConnections()
	}
	return nil
}

func (d *Destination) Create(ctx context.Context, o *delivery.Object) error {
	if err := d.ready(ctx); err != nil {
		return d.unsent("create", o.Key, err)
	}
	body := newReader(o.Body)
	ctx, cancel := context.WithTimeout(ctx, d.patience(body.size))
	defer cancel()

	input := d.input(o, body)
	can := d.conditions.Load()
	switch {
	case body.size > d.singlePut && (can == nil || can.Multipart):
		return d.createInParts(ctx, o, input)
	case can != nil && !can.Put:
		// Two lives of this log would overwrite each other here; the lease keeps them apart.
		if _, err := d.Stat(ctx, o.Key); !errors.Is(err, delivery.ErrNotExist) {
			return found(err)
		}
		input.IfNoneMatch = nil
	}
	return d.put(ctx, o, input)
}

func (d *Destination) input(o *delivery.Object, body *reader) *sdk.PutObjectInput {
	input := &sdk.PutObjectInput{
		Bucket:        &d.bucket,
		Key:           &o.Key,
		IfNoneMatch:   aws.String("*"),
		Body:          body,
		ContentLength: &body.size,
		ContentType:   aws.String("application/octet-stream"),
		Metadata:      userMetadata(o.Metadata),
	}
	if o.ContentEncoding != "" {
		input.ContentEncoding = &o.ContentEncoding
	}
	d.attributes.apply(input)
	return input
}

func (d *Destination) put(ctx context.Context, o *delivery.Object, input *sdk.PutObjectInput) error {
	protect := signBody
	if d.amazon {
		protect = func(*sdk.Options) {}
		input.ChecksumCRC32C = aws.String(checksum(o.Body))
	}
	output, err := d.send(ctx, o, input, protect)
	if err == nil && output.ETag == nil {
		err = errNoETag
	}
	return d.answer("create", o.Key, err)
}

// send sends the request of an upload: past the SDK, where that comes to the same.
func (d *Destination) send(ctx context.Context, o *delivery.Object, input *sdk.PutObjectInput, protect func(*sdk.Options)) (*sdk.PutObjectOutput, error) {
	p, err := d.place(ctx)
	if err != nil {
		return nil, err
	}
	if p == nowhere || o.Key == "" { // which the SDK refuses
		return d.client.PutObject(ctx, input, protect)
	}
	return d.putDirectly(ctx, p, o, input)
}

// signBody has the SHA-256 of the body signed, which every store knows: a bit that flips on the way is refused. It
// costs some 0.7 s of processor time for each GB. Checksum headers cost next to nothing, but only Amazon surely takes
// them; Backblaze B2 and Cloudflare R2 have refused them. Without this the SDK signs the body only where there is no
// TLS.
func signBody(o *sdk.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		sign := &v4.ComputePayloadSHA256{}
		_, err := stack.Finalize.Swap(sign.ID(), sign)
		return err
	})
}

func (d *Destination) Stat(ctx context.Context, key string) (delivery.Metadata, error) {
	if err := d.ready(ctx); err != nil {
		return delivery.Metadata{}, d.unsent("stat", key, err)
	}
	ctx, cancel := context.WithTimeout(ctx, d.patience(0))
	defer cancel()
	output, err := d.client.HeadObject(ctx, &sdk.HeadObjectInput{Bucket: &d.bucket, Key: &key})
	if statusOf(err) == http.StatusNotFound {
		return d.confirmMissing(ctx, key)
	}
	if err != nil {
		return delivery.Metadata{}, d.answer("stat", key, err)
	}
	return parseMetadata(output.Metadata), nil
}

// confirmMissing asks again in a way whose answer has a code: a 404 may also speak of the user or of the bucket. An object is
// surely absent where there is no bucket.
func (d *Destination) confirmMissing(ctx context.Context, key string) (delivery.Metadata, error) {
	output, err := d.client.GetObject(ctx, &sdk.GetObjectInput{Bucket: &d.bucket, Key: &key})
	switch {
	case err == nil:
		_ = output.Body.Close() // its head says all
		return parseMetadata(output.Metadata), nil
	case isCode(err, "NoSuchBucket"):
		return delivery.Metadata{}, delivery.ErrNotExist
	}
	return delivery.Metadata{}, d.answer("stat", key, err)
}

// Open waits only for the answer's head with a limit of its own; how long reading may take is the context's matter.
func (d *Destination) Open(ctx context.Context, key string) (io.ReadCloser, error) {
	if err := d.ready(ctx); err != nil {
		return nil, d.unsent("open", key, err)
	}
	output, err := d.client.GetObject(ctx, &sdk.GetObjectInput{Bucket: &d.bucket, Key: &key})
	if err != nil {
		return nil, d.answer("open", key, err)
	}
	return output.Body, nil
}

// ready is nil if there are credentials to sign with. They are cached; asking for them before the operation tells their
// absence apart from the store's troubles.
func (d *Destination) ready(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err := d.credentials.Retrieve(ctx)
	return err
}

// patience is how long a request with a body of that size may take: half a minute, and eight seconds for each MiB. A way that
// is slower than that never carries an object; one that carries nothing at all is given up sooner.
func patience(bytes int64) time.Duration {
	return 30*time.Second + time.Duration(bytes>>20)*8*time.Second
}

// The names of the user metadata, as a reader of the bucket sees them behind x-amz-meta-.
const (
	metadataStream   = "hydrant-stream"
	metadataSequence = "hydrant-sequence"
	metadataRecords  = "hydrant-records"
	metadataChecksum = "hydrant-checksum"
)

func userMetadata(m delivery.Metadata) map[string]string {
	return map[string]string{
		metadataStream:   m.Stream,
		metadataSequence: m.Sequence,
		metadataRecords:  strconv.FormatInt(m.Records, 10),
		metadataChecksum: m.Checksum,
	}
}

// parseMetadata returns the zero value for an object without ours, and one that equals no other if the record count is
// not a number.
func parseMetadata(values map[string]string) delivery.Metadata {
	m := delivery.Metadata{
		Stream:   values[metadataStream],
		Sequence: values[metadataSequence],
		Checksum: values[metadataChecksum],
	}
	if text, ok := values[metadataRecords]; ok {
		records, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			records = -1
		}
		m.Records = records
	}
	return m
}
