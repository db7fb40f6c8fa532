// Package bucket keeps definitions of streams where all nodes of a fleet see them: one object for each stream, below a
// prefix of a bucket in S3 or a store that speaks its protocol. Its ETag is its version, and If-Match and If-None-Match
// keep nodes from replacing each other's changes unseen. A store that ignores these is refused.
//
// A deleted document is an empty object where the store has no conditional DELETE: an unconditional one might remove what
// another node has just created under the name.
package bucket

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"hydrant/stream/definitions"
)

// Store is a prefix of a bucket. Other processes may use it at the same time.
type Store struct {
	client *s3.Client
	bucket string
	prefix string

	probing sync.Mutex
	probed  bool
	deletes bool // the store honours If-Match of a DELETE

	mu    sync.Mutex
	known map[string]definitions.Document // as read last
}

const (
	suffix   = ".json"
	patience = 15 * time.Second
)

// writerMetadata names the attempt that wrote an object: an answer may be lost, and another node may write the same.
const writerMetadata = "hydrant-writer"

// New returns the store of a prefix, which is empty or ends with a slash. It sends nothing.
func New(client *s3.Client, bucket, prefix string) *Store {
	options := client.Options()
	options.Retryer = retry.NewStandard()
	return &Store{client: s3.New(options), bucket: bucket, prefix: prefix}
}

// Put implements definitions.Store.
func (s *Store) Put(ctx context.Context, name string, data []byte, expected definitions.Version) (definitions.Version, error) {
	if len(data) == 0 {
		return "", fmt.Errorf("the definition of stream %s is empty", name)
	}
	version, err := s.replace(ctx, name, data, expected)
	if err != nil {
		return "", s.trouble("keep the definition of stream "+name, err)
	}
	return version, nil
}

// Delete implements definitions.Store. That there is no document is no error: an earlier attempt may have removed it.
func (s *Store) Delete(ctx context.Context, name string, expected definitions.Version) error {
	err := s.delete(ctx, name, expected)
	if refused(err) || errors.Is(err, definitions.ErrConflict) {
		var have object
		if have, err = s.read(ctx, name); err == nil && len(have.data) > 0 {
			err = definitions.ErrConflict
		}
	}
	return s.trouble("remove the definition of stream "+name, err)
}

func (s *Store) delete(ctx context.Context, name string, expected definitions.Version) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := s.Check(ctx); err != nil {
		return err
	}
	if s.deletes {
		return s.remove(ctx, s.key(name), expected)
	}
	_, err := s.replace(ctx, name, nil, expected)
	return err
}

func (s *Store) remove(ctx context.Context, key string, expected definitions.Version) error {
	_, err := s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.bucket, Key: &key, IfMatch: tagOf(expected)})
	return err
}

// replace writes an object in the place of the expected one. A refusal may mean that this very write has succeeded and its
// answer was lost, or that nothing is there but what stands for a deleted document.
func (s *Store) replace(ctx context.Context, name string, data []byte, expected definitions.Version) (definitions.Version, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := s.Check(ctx); err != nil {
		return "", err
	}
	key, writer := s.key(name), rand.Text()
	version, err := s.put(ctx, key, writer, data, expected)
	if !refused(err) {
		return version, err
	}
	have, err := s.read(ctx, name)
	switch {
	case err != nil:
		return "", err
	case have.writer == writer:
		return have.version, nil
	case expected == "" && have.version != "" && len(have.data) == 0:
		if version, err = s.put(ctx, key, writer, data, have.version); !refused(err) {
			return version, err
		}
	}
	return "", definitions.ErrConflict
}

func (s *Store) put(ctx context.Context, key, writer string, data []byte, expected definitions.Version) (definitions.Version, error) {
	input := &s3.PutObjectInput{
		Bucket: &s.bucket, Key: &key, Body: bytes.NewReader(data), ContentType: aws.String("application/json"),
		Metadata: map[string]string{writerMetadata: writer},
	}
	if expected == "" {
		input.IfNoneMatch = aws.String("*")
	} else {
		input.IfMatch = tagOf(expected)
	}
	output, err := s.client.PutObject(ctx, input)
	if err != nil {
		return "", err
	}
	if output.ETag == nil {
		return "", errors.New("the answer has no ETag, so it is not an S3 store's: correct the endpoint")
	}
	return versionOf(output.ETag), nil
}

func (s *Store) key(name string) string { return s.prefix + name + suffix }

// trouble says what was tried and where; nil stays nil.
func (s *Store) trouble(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s in s3://%s/%s: %w", what, s.bucket, s.prefix, err)
}

// refused says that the store saw another object than the condition names, or another change of it under way.
func refused(err error) bool {
	status := statusOf(err)
	return status == http.StatusPreconditionFailed || status == http.StatusConflict || isCode(err, "NoSuchKey")
}

// statusOf is the store's answer, or 0 without one.
func statusOf(err error) int {
	var response *awshttp.ResponseError
	if !errors.As(err, &response) {
		return 0
	}
	return response.HTTPStatusCode()
}

func isCode(err error, code string) bool {
	var api interface{ ErrorCode() string }
	return errors.As(err, &api) && api.ErrorCode() == code
}
