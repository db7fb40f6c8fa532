//go:build integration

package s3

import (
	"bytes"
	"maps"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"hydrant/delivery"
	"hydrant/delivery/deliverytest"
	"hydrant/stream"
)

// newLake makes a bucket at a moto of the test's own, and returns a destination with the definition and the role that it
// assumes.
func newLake(t *testing.T, definition stream.S3) *Destination {
	t.Helper()
	endpoint := deliverytest.StartMoto(t)
	isolate(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	t.Setenv("AWS_ENDPOINT_URL_STS", endpoint)
	definition.Bucket, definition.Endpoint, definition.PathStyle = "lake", endpoint, true
	d, err := New(t.Context(), definition)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	if _, err := d.client.CreateBucket(t.Context(), &sdk.CreateBucketInput{Bucket: aws.String("lake")}); err != nil {
		t.Fatal(err)
	}
	return d
}

// A store that knows tags, storage classes and KMS finds them at the objects, however they were sent, with the credentials
// of an assumed role.
func TestAttributesAreKept(t *testing.T) {
	definition := adorned
	definition.RoleARN, definition.ExternalID, definition.RoleSessionName = exampleRole, "hydrant-4711", "edge-1"
	d := newLake(t, definition)
	d.singlePut, d.partSize = part, part
	for name, size := range map[string]int{"in one": 10, "in parts": part + 10} {
		t.Run(name, func(t *testing.T) {
			o := example
			o.Key, o.Body = name, delivery.Body{bytes.Repeat([]byte("a"), size)}
			if err := d.Create(t.Context(), &o); err != nil {
				t.Fatal(err)
			}
			expectAttributes(t, d, o.Key)
			if got, err := d.Stat(t.Context(), o.Key); err != nil || got != o.Metadata {
				t.Errorf("Stat = %+v, %v, want %+v", got, err, o.Metadata)
			}
		})
	}
	session, err := d.credentials.Retrieve(t.Context())
	if err != nil || session.SessionToken == "" || session.AccessKeyID == "test" {
		t.Errorf("the credentials are %q (%v), want those of a session", session.AccessKeyID, err)
	}
}

func expectAttributes(t *testing.T, d *Destination, key string) {
	t.Helper()
	head, err := d.client.HeadObject(t.Context(), &sdk.HeadObjectInput{Bucket: &d.bucket, Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	if head.StorageClass != types.StorageClassStandardIa || head.ServerSideEncryption != types.ServerSideEncryptionAwsKms ||
		!strings.HasSuffix(aws.ToString(head.SSEKMSKeyId), adorned.KMSKey) {
		t.Errorf("%s has storage class %q, encryption %q with %q", key, head.StorageClass, head.ServerSideEncryption, aws.ToString(head.SSEKMSKeyId))
	}
	want := maps.Clone(adorned.Metadata)
	maps.Copy(want, userMetadata(example.Metadata))
	if !maps.Equal(head.Metadata, want) {
		t.Errorf("%s has metadata %v, want %v", key, head.Metadata, want)
	}
	tagging, err := d.client.GetObjectTagging(t.Context(), &sdk.GetObjectTaggingInput{Bucket: &d.bucket, Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	tags := map[string]string{}
	for _, tag := range tagging.TagSet {
		tags[*tag.Key] = *tag.Value
	}
	if !maps.Equal(tags, adorned.Tags) {
		t.Errorf("%s has tags %v, want %v", key, tags, adorned.Tags)
	}
}
