package s3

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"hydrant/delivery"
)

// probePrefix begins the keys of canaries. One stays where the credentials may not delete.
const probePrefix = ".hydrant-probe/"

// racers is how many creations of one key are tried at once: a store may check and then write.
const racers = 4

// Probe finds out whether the bucket refuses creations where an object exists, by creating one canary several times. The
// store's word or a table would not do: it depends on the version, and on what stands in front of it.
func (d *Destination) Probe(ctx context.Context) (delivery.Conditions, error) {
	key := probePrefix + rand.Text()
	if err := d.ready(ctx); err != nil {
		return delivery.Conditions{}, d.unsent("probe", key, err)
	}
	ctx, cancel := context.WithTimeout(ctx, d.patience(0))
	defer cancel()
	defer d.removeCanary(ctx, key)
	var can delivery.Conditions
	var err error
	if can.Put, err = d.refusesPut(ctx, key); err == nil {
		can.Multipart, err = d.refusesMultipart(ctx, key)
	}
	if err != nil {
		return delivery.Conditions{}, d.answer("probe", key, err)
	}
	d.conditions.Store(&can)
	return can, nil
}

// refusesPut races creations of the key, and tries once more when it surely exists.
func (d *Destination) refusesPut(ctx context.Context, key string) (bool, error) {
	outcomes := make([]error, racers+1)
	create := func(n int) {
		body := fmt.Sprint("canary ", n)
		input := &sdk.PutObjectInput{Bucket: &d.bucket, Key: &key, IfNoneMatch: aws.String("*"), Body: strings.NewReader(body)}
		d.attributes.encryption.apply(input)
		_, outcomes[n] = d.client.PutObject(ctx, input)
	}
	var racing sync.WaitGroup
	for n := range racers {
		racing.Go(func() { create(n) })
	}
	racing.Wait()
	create(racers)
	created := 0
	for _, err := range outcomes {
		switch {
		case err == nil:
			created++
		case statusOf(err) == http.StatusNotImplemented:
			return false, nil
		case !refusesCondition(err):
			return false, err
		}
	}
	return created == 1 && outcomes[racers] != nil, nil
}

// refusesMultipart ends an upload in parts to the key, which exists.
func (d *Destination) refusesMultipart(ctx context.Context, key string) (bool, error) {
	upload, err := d.client.CreateMultipartUpload(ctx, &sdk.CreateMultipartUploadInput{
		Bucket: &d.bucket, Key: &key,
		ServerSideEncryption: d.attributes.encryption.algorithm, SSEKMSKeyId: d.attributes.encryption.key,
	})
	if status := statusOf(err); status == http.StatusNotImplemented || status == http.StatusMethodNotAllowed {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer d.abort(ctx, key, aws.ToString(upload.UploadId))
	part, err := d.client.UploadPart(ctx, &sdk.UploadPartInput{
		Bucket: &d.bucket, Key: &key, UploadId: upload.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader("canary"),
	})
	if err != nil {
		return false, err
	}
	_, err = d.client.CompleteMultipartUpload(ctx, &sdk.CompleteMultipartUploadInput{
		Bucket: &d.bucket, Key: &key, UploadId: upload.UploadId, IfNoneMatch: aws.String("*"),
		MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{ETag: part.ETag, PartNumber: aws.Int32(1)}}},
	})
	switch {
	case err == nil, statusOf(err) == http.StatusNotImplemented:
		return false, nil
	case refusesCondition(err):
		return true, nil
	}
	return false, err
}

// refusesCondition says that the store saw the object, or another creation of it under way.
func refusesCondition(err error) bool {
	status := statusOf(err)
	return status == http.StatusPreconditionFailed || status == http.StatusConflict
}

// statusOf is the store's answer, or 0 without one.
func statusOf(err error) int {
	var response *awshttp.ResponseError
	if !errors.As(err, &response) {
		return 0
	}
	return response.HTTPStatusCode()
}

func (d *Destination) removeCanary(ctx context.Context, key string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	_, _ = d.client.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: &d.bucket, Key: &key}) // stays if that is not allowed
}
