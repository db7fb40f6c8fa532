package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"hydrant/stream/definitions"
)

const (
	maxDocument = 4 << 20 // bytes; far above what one has
	readers     = 8       // at once
)

// Load implements definitions.Store: one LIST for each thousand streams, and a GET for each that has changed since the
// last Load. It returns all documents or none.
func (s *Store) Load(ctx context.Context) (map[string]definitions.Document, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	versions, err := s.list(ctx)
	if err != nil {
		return nil, s.trouble("list the definitions", err)
	}
	s.mu.Lock()
	known := s.known
	s.mu.Unlock()
	documents := map[string]definitions.Document{}
	var changed []string
	for name, version := range versions {
		if have := known[name]; have.Version == version {
			documents[name] = have
		} else {
			changed = append(changed, name)
		}
	}
	if err := s.readAll(ctx, changed, documents); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.known = documents
	s.mu.Unlock()
	return documents, nil
}

// list returns the versions of all documents.
func (s *Store) list(ctx context.Context) (map[string]definitions.Version, error) {
	versions := map[string]definitions.Version{}
	pages := s3.NewListObjectsV2Paginator(s.client, &s3.ListObjectsV2Input{
		Bucket: &s.bucket, Prefix: &s.prefix, Delimiter: aws.String("/"),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, found := range page.Contents {
			name, ok := strings.CutSuffix(strings.TrimPrefix(*found.Key, s.prefix), suffix)
			if ok && aws.ToInt64(found.Size) > 0 {
				versions[name] = versionOf(found.ETag)
			}
		}
	}
	return versions, nil
}

// readAll adds documents to those that are known. One that is deleted meanwhile is left out.
func (s *Store) readAll(ctx context.Context, names []string, documents map[string]definitions.Document) error {
	var mu sync.Mutex
	var errs []error
	var reading errgroup.Group
	reading.SetLimit(readers)
	for _, name := range names {
		reading.Go(func() error {
			o, err := s.read(ctx, name)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				errs = append(errs, s.trouble("read the definition of stream "+name, err))
			case len(o.data) > 0:
				documents[name] = definitions.Document{Data: o.data, Version: o.version}
			}
			return nil
		})
	}
	_ = reading.Wait() // the errors are collected
	return errors.Join(errs...)
}

// object is what the store holds. One without a version is not there, and one without data stands for a deleted document.
type object struct {
	data    []byte
	version definitions.Version
	writer  string
}

func (s *Store) read(ctx context.Context, name string) (object, error) {
	output, err := s.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.bucket, Key: aws.String(s.key(name))})
	if isCode(err, "NoSuchKey") {
		return object{}, nil
	}
	if err != nil {
		return object{}, err
	}
	defer output.Body.Close()
	data, err := io.ReadAll(io.LimitReader(output.Body, maxDocument+1))
	if err == nil && len(data) > maxDocument {
		err = fmt.Errorf("it has more than %d bytes", maxDocument)
	}
	return object{data: data, version: versionOf(output.ETag), writer: output.Metadata[writerMetadata]}, err
}

// versionOf and tagOf go between versions and ETags, which some answers quote and some don't.
func versionOf(tag *string) definitions.Version {
	return definitions.Version(strings.Trim(aws.ToString(tag), `"`))
}

func tagOf(version definitions.Version) *string { return aws.String(`"` + string(version) + `"`) }
