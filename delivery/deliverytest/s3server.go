//go:build integration

package deliverytest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hydrant/bench/child"
)

// S3Server is a real S3 server, versitygw, in a process of its own. It keeps its buckets as directories below Dir.
type S3Server struct {
	Endpoint  string // URL
	AccessKey string
	Secret    string
	Dir       string

	binary  string
	process *exec.Cmd // nil while it is stopped
	ended   chan error
}

// StartS3 starts a server that is stopped when the test ends. The binary is named by HYDRANT_TEST_S3_BIN; by default it
// is .bin/versitygw in the repository's root.
func StartS3(t testing.TB) *S3Server {
	t.Helper()
	s := &S3Server{AccessKey: "test", Secret: "testtest", Dir: t.TempDir(), binary: findS3(t)}
	t.Cleanup(func() { s.Stop(t) })
	// Between the choice of a free port and its use another process may take it.
	const attempts = 5
	var err error
	for range attempts {
		if err = s.choosePort(); err == nil {
			if err = s.start(); err == nil {
				return s
			}
		}
	}
	t.Fatalf("start %s: %v", s.binary, err)
	return nil
}

// MakeBucket makes a bucket.
func (s *S3Server) MakeBucket(t testing.TB, bucket string) {
	t.Helper()
	if err := os.Mkdir(filepath.Join(s.Dir, bucket), 0o755); err != nil {
		t.Fatal(err)
	}
}

// Stop ends the server's process at once: an outage.
func (s *S3Server) Stop(t testing.TB) {
	t.Helper()
	if s.process == nil {
		return
	}
	_ = s.process.Process.Kill() // it may have ended
	<-s.ended
	s.process = nil
}

// Start ends an outage: the server is there again, where it was, with what it held.
func (s *S3Server) Start(t testing.TB) {
	t.Helper()
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
}

func (s *S3Server) choosePort() error {
	address, err := child.FreeAddress()
	s.Endpoint = "http://" + address
	return err
}

func (s *S3Server) start() error {
	var output bytes.Buffer
	s.process = exec.Command(s.binary, "--port", strings.TrimPrefix(s.Endpoint, "http://"), "--access", s.AccessKey,
		"--secret", s.Secret, "--quiet", "--keep-alive", "posix", s.Dir)
	s.process.Stdout, s.process.Stderr = &output, &output
	if err := s.process.Start(); err != nil {
		s.process = nil
		return err
	}
	process, ended := s.process, make(chan error, 1)
	s.ended = ended
	go func() { ended <- process.Wait() }()
	if err := awaitS3(s.Endpoint, s.ended); err != nil {
		_ = s.process.Process.Kill() // it may have ended already
		<-s.ended
		s.process = nil
		return fmt.Errorf("%w: %s", err, output.Bytes())
	}
	return nil
}

// awaitS3 waits until the server answers. If it ends before that, another may be answering at its address.
func awaitS3(endpoint string, ended chan error) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
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
