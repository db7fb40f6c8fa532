package torture

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"hydrant/bench"
)

// storeAccess is the way to the store that no fault lies on.
type storeAccess struct {
	client         *s3.Client
	bucket, prefix string // the prefix ends with a slash, or is empty
}

// openAccess opens the store that the location names, or the one of the run's own.
func openAccess(ctx context.Context, location, endpoint string) (a storeAccess, err error) {
	if location == "" {
		a.bucket = "torture"
		a.client = s3.New(s3.Options{
			Region: "us-east-1", BaseEndpoint: &endpoint, UsePathStyle: true,
			Credentials: credentials.NewStaticCredentialsProvider("torture", "torture", ""),

			RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
			ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
		})
		return a, nil
	}
	if a.bucket, a.prefix, err = bench.ParseBucket(location); err != nil {
		return a, err
	}
	if a.prefix != "" && !strings.HasSuffix(a.prefix, "/") {
		a.prefix += "/"
	}
	a.client, err = bench.NewS3Client(ctx, endpoint, true)
	return a, err
}

// seen is what a listing says of an object.
type seen struct {
	tag  string
	size int64
}

// list names the objects below a prefix by key. Hydrant's own small ones are no objects.
func (a storeAccess) list(ctx context.Context, prefix string) (map[string]seen, error) {
	all := map[string]seen{}
	pages := s3.NewListObjectsV2Paginator(a.client, &s3.ListObjectsV2Input{Bucket: &a.bucket, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the store: %w", err)
		}
		for _, o := range page.Contents {
			if key := aws.ToString(o.Key); !strings.HasPrefix(key, ".") {
				all[key] = seen{aws.ToString(o.ETag), aws.ToInt64(o.Size)}
			}
		}
	}
	return all, nil
}

// open reads an object. The caller closes it.
func (a storeAccess) open(ctx context.Context, key string) (body io.ReadCloser, metadata map[string]string, err error) {
	o, err := a.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &a.bucket, Key: &key})
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", key, err)
	}
	return o.Body, o.Metadata, nil
}

// uploads are the keys of uploads in parts below a prefix that nobody has ended.
func (a storeAccess) uploads(ctx context.Context, prefix string) (keys []string, err error) {
	out, err := a.client.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: &a.bucket, Prefix: &prefix})
	if err != nil {
		return nil, fmt.Errorf("list uploads in parts: %w", err)
	}
	for _, u := range out.Uploads {
		keys = append(keys, aws.ToString(u.Key))
	}
	return keys, nil
}

// verify has the oracle compare the objects below a prefix with ledgers.
func (a storeAccess) verify(ctx context.Context, prefix string, ledgers []string) (*bench.Verdict, error) {
	return bench.Verify(ctx, bench.VerifyOptions{
		Ledger: ledgers, S3: "s3://" + a.bucket + "/" + prefix, Client: a.client,
		ErrorPrefix: prefix + "errors/", Partition: "key", Parallel: 2,
	}, nil)
}
