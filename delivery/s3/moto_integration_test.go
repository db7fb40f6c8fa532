//go:build integration

package s3

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"hydrant/delivery"
	"hydrant/delivery/deliverytest"
	"hydrant/stream"
)

// newLake makes a bucket at a moto of the test's own, and returns it as a destination with the definition.
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

// Where signatures and policies are checked, a node that may do nothing delivers as its role, if it knows the external id.
func TestRoleDelivers(t *testing.T) {
	endpoint := deliverytest.StartMoto(t)
	out, err := exec.Command("python3", "testdata/role.py", endpoint, "hydrant-4711").Output()
	if err != nil {
		t.Fatalf("testdata/role.py: %v: %s", err, out)
	}
	var id, secret string
	if _, err := fmt.Sscan(string(out), &id, &secret); err != nil {
		t.Fatal(err)
	}
	isolate(t)
	t.Setenv("AWS_ACCESS_KEY_ID", id)
	t.Setenv("AWS_SECRET_ACCESS_KEY", secret)
	t.Setenv("AWS_ENDPOINT_URL_STS", endpoint)
	create := func(definition stream.S3) error {
		definition.Bucket, definition.Region, definition.Endpoint, definition.PathStyle = "lake", "us-east-1", endpoint, true
		d, err := New(t.Context(), definition)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		o := example
		o.Key = "clicks/object" // moto's signatures know no odd characters
		return d.Create(t.Context(), &o)
	}
	for want, definition := range map[string]stream.S3{
		"AccessDenied":    {},
		"assume the role": {RoleARN: exampleRole, ExternalID: "another"},
	} {
		var trouble *delivery.Error
		err := create(definition)
		if !errors.As(err, &trouble) || trouble.Class != delivery.Held || !trouble.Refused || !strings.Contains(err.Error(), want) {
			t.Errorf("Create = %v, want it held, refused and %q", err, want)
		}
	}
	if err := create(stream.S3{RoleARN: exampleRole, ExternalID: "hydrant-4711"}); err != nil {
		t.Errorf("Create as the role: %v", err)
	}
}
