//go:build integration

package main

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"hydrant/stream"
)

// A stream for each compression, killed in the middle: the verifier reads every object, and each key ends as it should.
func TestCompressionsEndToEnd(t *testing.T) {
	extensions := map[string]string{
		"none": "", "gzip": ".gz", "zstd": ".zst", "snappy": ".snappy", "hadoop-snappy": ".snappy", "zip": ".zip",
	}
	for name, destination := range map[string]func(*testing.T) destinationUnderTest{
		"directory": directoryDestination, "S3": s3Destination,
	} {
		t.Run(name, func(t *testing.T) {
			d := destination(t)
			dir := t.TempDir()
			config := fmt.Sprintf("data_dir: %s/data\nstreams:\n", dir)
			for _, compression := range stream.Compressions() {
				config += fmt.Sprintf("  %s:\n    compression: %s\n    buffering: {size: 1MiB, interval: 1s}\n"+
					"    partition_keys: {key: .key}\n    prefix: \"%s/key=!{partitionKeyFromQuery:key}/\"\n    destination:\n      %s\n",
					compression, compression, compression, d.yaml)
			}
			config += "    file_extension: .json\n" // the last stream's, zip's
			extensions["zip"] = ".json"

			p := startIn(t, dir, config, d.environment...)
			for _, compression := range stream.Compressions() {
				_, err := runHydrant(t.Context(), t, nil, "bench", "--url", p.url, "--stream", compression, "--ledger",
					filepath.Join(dir, compression), "--connections", "2", "--batch", "50", "--keys", "3", "--rate", "4000", "--duration", "1s")
				if err != nil {
					t.Fatal(err)
				}
			}
			p.kill()
			p = p.again()
			p.delivered()
			p.stop()
			for _, compression := range stream.Compressions() {
				one := d
				one.verify = append([]string(nil), d.verify...)
				one.verify[1] += "/" + compression
				one.verifyAll(t, filepath.Join(dir, compression))
				expectExtension(t, filepath.Join(d.objects, compression), extensions[compression])
			}
			if d.server != nil {
				expectHeaders(t, d)
			}
		})
	}
}

func expectExtension(t *testing.T, dir, want string) {
	t.Helper()
	var files int
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files++
			if got := filepath.Ext(path); got != want {
				t.Errorf("%s ends in %q, want %q", path, got, want)
			}
		}
		return err
	})
	if err != nil || files == 0 {
		t.Errorf("%s holds %d files (%v)", dir, files, err)
	}
}

// expectHeaders has the store say how the objects are encoded.
func expectHeaders(t *testing.T, d destinationUnderTest) {
	t.Helper()
	client := s3.New(s3.Options{
		Region: "us-east-1", BaseEndpoint: &d.server.Endpoint, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(d.server.AccessKey, d.server.Secret, ""),
	})
	encodings := map[string]string{
		"none": "", "gzip": "gzip", "zstd": "zstd", "snappy": "snappy-java", "hadoop-snappy": "hadoop-snappy", "zip": "zip",
	}
	list, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("lake")})
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range list.Contents {
		compression, _, _ := strings.Cut(*object.Key, "/")
		want, ours := encodings[compression]
		if !ours {
			continue // a lease or a probe
		}
		head, err := client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("lake"), Key: object.Key})
		if err != nil {
			t.Fatal(err)
		}
		if got := aws.ToString(head.ContentEncoding); got != want {
			t.Errorf("%s has content encoding %q, want %q", *object.Key, got, want)
		}
		if got := aws.ToString(head.ContentType); got != "application/octet-stream" {
			t.Errorf("%s has content type %q", *object.Key, got)
		}
	}
}
