package replay

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Bucket is a source: the objects of a bucket below a prefix. It keeps marks too, under .hydrant-replay/.
type Bucket struct {
	Client         *s3.Client
	Bucket, Prefix string
}

// Name is the bucket's: the same object is the same below every prefix.
func (b Bucket) Name() string { return "s3://" + b.Bucket }

// List lists the prefix. What a dot hides, leases and marks, is no object.
func (b Bucket) List(ctx context.Context, visit func(Object) error) error {
	pages := s3.NewListObjectsV2Paginator(b.Client, &s3.ListObjectsV2Input{Bucket: &b.Bucket, Prefix: &b.Prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, listed := range page.Contents {
			o := Object{Key: aws.ToString(listed.Key), Tag: aws.ToString(listed.ETag), Size: aws.ToInt64(listed.Size)}
			folder := strings.HasSuffix(o.Key, "/") && o.Size == 0 // some tools mark folders so
			if folder || strings.HasPrefix(o.Key, ".") {
				continue
			}
			if err := visit(o); err != nil {
				return err
			}
		}
	}
	return nil
}

// Open reads the object, if it is still the one that was listed.
func (b Bucket) Open(ctx context.Context, o Object) (io.ReadCloser, error) {
	out, err := b.Client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.Bucket, Key: &o.Key, IfMatch: &o.Tag})
	if err != nil {
		return nil, err
	}
	return out.Body, nil
}

// Remove deletes the object.
func (b Bucket) Remove(ctx context.Context, o Object) error {
	_, err := b.Client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.Bucket, Key: &o.Key})
	return err
}

// bucketMarks are an object each, beside the originals.
type bucketMarks struct {
	Bucket
	stream string
}

// longestKey is S3's, in bytes.
const longestKey = 1024

func (b bucketMarks) key(original string) string {
	key := marksDirectory + "/" + b.stream + "/" + original
	if len(key) <= longestKey {
		return key
	}
	hash := sha256.Sum256([]byte(original))
	return marksDirectory + "/" + b.stream + "/sha256-" + hex.EncodeToString(hash[:])
}

func (b bucketMarks) load(ctx context.Context, original string) (*mark, string, error) {
	data, tag, err := b.get(ctx, b.key(original))
	if data == nil || err != nil {
		return nil, "", err
	}
	m := new(mark)
	if err := json.Unmarshal(data, m); err != nil {
		return nil, "", fmt.Errorf("the mark %s cannot be read: %w", b.key(original), err)
	}
	return m, tag, nil
}

// get returns nil for what is not there.
func (b bucketMarks) get(ctx context.Context, key string) (data []byte, tag string, err error) {
	out, err := b.Client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.Bucket.Bucket, Key: &key})
	if isCode(err, "NoSuchKey") {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	data, err = io.ReadAll(out.Body)
	return data, aws.ToString(out.ETag), errors.Join(err, out.Body.Close())
}

// save replaces the mark that was loaded, or saved last, and no other: where the store knows conditions, two replays of one
// original are one too many. A store without them gets the mark as it is.
func (b bucketMarks) save(ctx context.Context, m *mark, tag string) (string, error) {
	data, err := json.Marshal(m)
	if err != nil {
		return "", err
	}
	key := b.key(m.Object.Key)
	input := &s3.PutObjectInput{Bucket: &b.Bucket.Bucket, Key: &key, ContentType: aws.String("application/json"), Body: bytes.NewReader(data)}
	if tag == "" {
		input.IfNoneMatch = aws.String("*")
	} else {
		input.IfMatch = &tag
	}
	out, err := b.Client.PutObject(ctx, input)
	if isCode(err, "NotImplemented") {
		input.IfMatch, input.IfNoneMatch, input.Body = nil, nil, bytes.NewReader(data)
		out, err = b.Client.PutObject(ctx, input)
	}
	if isCode(err, "PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey") {
		return b.settle(ctx, key, data)
	}
	if err != nil {
		return "", err
	}
	return aws.ToString(out.ETag), nil
}

// settle finds out whether a write that was refused is one of ours, whose answer got lost.
func (b bucketMarks) settle(ctx context.Context, key string, data []byte) (string, error) {
	there, tag, err := b.get(ctx, key)
	if err == nil && !bytes.Equal(there, data) {
		err = errors.New("somebody else has changed it: another replay is at work on the same objects; let it end")
	}
	return tag, err
}

func (b bucketMarks) close() error { return nil }

// isCode reports whether the store answered with one of S3's codes.
func isCode(err error, codes ...string) bool {
	var api interface{ ErrorCode() string }
	if !errors.As(err, &api) {
		return false
	}
	for _, code := range codes {
		if api.ErrorCode() == code {
			return true
		}
	}
	return false
}
