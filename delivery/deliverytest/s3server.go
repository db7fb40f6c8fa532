//go:build integration

package deliverytest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// StartS3 starts a real S3 server, versitygw, that keeps its buckets as directories in dir. It is stopped when the test
// ends. The binary is named by HYDRANT_TEST_S3_BIN; by default it is .bin/versitygw in the repository's root.
func StartS3(t testing.TB) (endpoint, accessKey, secret, dir string) {
	t.Helper()
	binary := findS3(t)
	dir = t.TempDir()
	// Between the choice of a free port and its use another process may take it.
	const attempts = 5
	var err error
	for range attempts {
		if endpoint, err = startS3(t, binary, dir); err == nil {
			return endpoint, s3AccessKey, s3Secret, dir
		}
	}
	t.Fatalf("start %s: %v", binary, err)
	return "", "", "", ""
}

// MakeBucket makes a bucket of a server that StartS3 started.
func MakeBucket(t testing.TB, dir, bucket string) {
	t.Helper()
	if err := os.Mkdir(filepath.Join(dir, bucket), 0o755); err != nil {
		t.Fatal(err)
	}
}

const (
	s3AccessKey = "test"
	s3Secret    = "testtest"
)

func startS3(t testing.TB, binary, dir string) (endpoint string, err error) {
	address, err := freeAddress()
	if err != nil {
		return "", err
	}
	var output bytes.Buffer
	server := exec.Command(binary, "--port", address, "--access", s3AccessKey, "--secret", s3Secret, "--quiet",
		"--keep-alive", "posix", dir)
	server.Stdout, server.Stderr = &output, &output
	if err := server.Start(); err != nil {
		return "", err
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Wait() }()
	endpoint = "http://" + address
	if err := awaitS3(endpoint, ended); err != nil {
		_ = server.Process.Kill() // it may have ended already
		return "", fmt.Errorf("%w: %s", err, output.Bytes())
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		<-ended
	})
	return endpoint, nil
}

// awaitS3 waits until the server answers. If it ends before that, another may be answering at its address.
func awaitS3(endpoint string, ended chan error) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case err := <-ended:
			ended <- err
			return fmt.Errorf("it ended at once: %w", err)
		case <-ctx.Done():
			return fmt.Errorf("it does not answer: %w", ctx.Err())
		case <-ticker.C:
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint, nil)
		if err != nil {
			return err
		}
		if response, err := http.DefaultClient.Do(request); err == nil {
			return response.Body.Close()
		}
	}
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// findS3 returns the binary's path: a missing one is a failure, not a reason to test less.
func findS3(t testing.TB) string {
	t.Helper()
	if path := os.Getenv("HYDRANT_TEST_S3_BIN"); path != "" {
		return path
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for !exists(t, filepath.Join(dir, "go.mod")) {
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the working directory: set HYDRANT_TEST_S3_BIN to the path of versitygw")
		}
		dir = filepath.Dir(dir)
	}
	path := filepath.Join(dir, ".bin", "versitygw")
	if !exists(t, path) {
		t.Fatalf("%s is missing: build it from the module in tools, or set HYDRANT_TEST_S3_BIN", path)
	}
	return path
}

func exists(t testing.TB, path string) bool {
	t.Helper()
	_, err := os.Stat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}
