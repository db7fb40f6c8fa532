package s3

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"

	"hydrant/delivery"
)

// leasePrefix begins the keys of records.
const leasePrefix = ".hydrant-lease/"

// maxRecord bounds what is read of a record.
const maxRecord = 64 << 10

// RecordPlace implements delivery.RecordKeeper.
func (d *Destination) RecordPlace(name string) string {
	return "the object " + leasePrefix + name + " of the bucket " + d.bucket
}

// LoadRecord reads an object below leasePrefix; its tag is the ETag.
func (d *Destination) LoadRecord(ctx context.Context, name string) (data []byte, tag string, err error) {
	key := leasePrefix + name
	if err := d.ready(ctx); err != nil {
		return nil, "", d.unsent("lease", key, err)
	}
	ctx, cancel := context.WithTimeout(ctx, d.patience(0))
	defer cancel()
	output, err := d.client.GetObject(ctx, &sdk.GetObjectInput{Bucket: &d.bucket, Key: &key})
	if err != nil {
		return nil, "", d.answer("lease", key, err)
	}
	defer output.Body.Close()
	data, err = io.ReadAll(io.LimitReader(output.Body, maxRecord))
	if err == nil && aws.ToString(output.ETag) == "" {
		err = errNoETag
	}
	if err != nil {
		return nil, "", &delivery.Error{Op: "lease", Key: key, Err: err}
	}
	return data, aws.ToString(output.ETag), nil
}

// StoreRecord replaces the object with If-Match, or without a condition where the store knows none.
func (d *Destination) StoreRecord(ctx context.Context, name, tag string, data []byte) error {
	key := leasePrefix + name
	if err := d.ready(ctx); err != nil {
		return d.unsent("lease", key, err)
	}
	ctx, cancel := context.WithTimeout(ctx, d.patience(0))
	defer cancel()
	input := &sdk.PutObjectInput{Bucket: &d.bucket, Key: &key, ContentType: aws.String("application/json")}
	d.attributes.encryption.apply(input)
	if tag == "" {
		input.IfNoneMatch = aws.String("*")
	} else {
		input.IfMatch = &tag
	}
	err := d.putRecord(ctx, input, data)
	if statusOf(err) == http.StatusNotImplemented {
		input.IfMatch, input.IfNoneMatch = nil, nil
		err = d.putRecord(ctx, input, data)
	}
	if refusesCondition(err) || isCode(err, "NoSuchKey") { // no such key: it was removed meanwhile
		return delivery.ErrExists
	}
	return d.answer("lease", key, err)
}

func (d *Destination) putRecord(ctx context.Context, input *sdk.PutObjectInput, data []byte) error {
	input.Body = bytes.NewReader(data)
	_, err := d.client.PutObject(ctx, input, signBody)
	return err
}

// isCode reports whether the store answered with a code of S3's.
func isCode(err error, code string) bool {
	var api interface{ ErrorCode() string }
	return errors.As(err, &api) && api.ErrorCode() == code
}
