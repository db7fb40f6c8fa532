package bench

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// A bucket's objects are those below a prefix, under their whole keys.
type bucket struct {
	client       *s3.Client
	name, prefix string
}

// newBucket opens the bucket that the options name.
func newBucket(ctx context.Context, o VerifyOptions) (*bucket, error) {
	name, prefix, err := ParseBucket(o.S3)
	if err != nil {
		return nil, err
	}
	client := o.Client
	if client == nil {
		if client, err = NewS3Client(ctx, o.Endpoint, o.PathStyle); err != nil {
			return nil, err
		}
	}
	return &bucket{client: client, name: name, prefix: prefix}, nil
}

// NewS3Client returns a client of a store, or of AWS where the endpoint is empty. Credentials and region come from the AWS
// default chain; it fails where that has none. Where it names no region it is us-east-1: stores other than AWS have none.
func NewS3Client(ctx context.Context, endpoint string, pathStyle bool) (*s3.Client, error) {
	chain, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("s3: %w", err)
	}
	if chain.Region == "" {
		chain.Region = "us-east-1"
	}
	if _, err := chain.Credentials.Retrieve(ctx); err != nil {
		return nil, fmt.Errorf("s3: no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or a role: %w", err)
	}
	return s3.NewFromConfig(chain, func(s *s3.Options) {
		s.UsePathStyle = pathStyle
		s.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired // other stores know no checksums
		s.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		if endpoint != "" {
			s.BaseEndpoint = &endpoint
		}
	}), nil
}

// ParseBucket reads s3://BUCKET/PREFIX.
func ParseBucket(location string) (name, prefix string, err error) {
	path, ok := strings.CutPrefix(location, "s3://")
	name, prefix, _ = strings.Cut(path, "/")
	if !ok || name == "" {
		return "", "", fmt.Errorf("s3: %q is not of the form s3://BUCKET or s3://BUCKET/PREFIX", location)
	}
	return name, prefix, nil
}

func (b *bucket) list(ctx context.Context, visit func(key string) error) error {
	pages := s3.NewListObjectsV2Paginator(b.client, &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: &b.prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, object := range page.Contents {
			key := aws.ToString(object.Key)
			if strings.HasSuffix(key, "/") && aws.ToInt64(object.Size) == 0 {
				continue // some tools mark folders so
			}
			if strings.HasPrefix(key, ".") {
				continue // leases and canaries, as hidden files in a directory
			}
			if err := visit(key); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bucket) open(ctx context.Context, key string) (io.ReadCloser, error) {
	object, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: &key})
	if err != nil {
		return nil, err
	}
	return object.Body, nil
}
