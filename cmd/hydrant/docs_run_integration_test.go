//go:build integration

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// firstOf are commands that a page's reader has given before.
var firstOf = map[string]string{"replay.md": madeClicks, "processing.md": madeClicks}

const madeClicks = "hydrant streams create clicks --bucket lake --prefix 'clicks/!{timestamp:yyyy}/' --error-prefix errors/"

// Every command of the documentation is executed: each page's in their order, in a directory with the files that the page speaks
// of and against a node of its own, and each ends well. Those within the text that only name a command are asked for its help.
func TestDocsCommandsRun(t *testing.T) {
	t.Parallel()
	d := s3Destination(t)
	d.server.MakeBucket(t, "copies")
	writeAll(t, map[string]string{
		filepath.Join(d.objects, "clicks", deliveredObject): deliveredLines, filepath.Join(d.objects, "errors", deliveredObject): failedLine,
	})
	dead := deadDisk(t)
	pages, err := filepath.Glob("../../docs/*.md")
	must(t, err)
	for _, page := range append(pages, "../../README.md") {
		commands := slices.DeleteFunc(commandsOf(t, page, readDoc(t, page)), func(c shownCommand) bool {
			return c.tour || notGiven[c.line] != "" // TestReadmeTour gives the tour
		})
		if len(commands) == 0 {
			continue
		}
		t.Run(filepath.Base(page), func(t *testing.T) {
			t.Parallel() // it mostly waits
			r := startReader(t, d, dead)
			if first := firstOf[filepath.Base(page)]; first != "" {
				r.run(first)
			}
			for _, c := range commands {
				r.run(c.toGive())
			}
		})
	}
}

var onlyNames = regexp.MustCompile(`^hydrant( [a-z]+)+$`)

// toGive is how a command is given.
func (c shownCommand) toGive() string {
	if line, other := given[c.line]; other && (!c.prose || !strings.HasSuffix(line, "--list")) {
		return line
	}
	if c.prose && onlyNames.MatchString(c.line) {
		return c.line + " --help"
	}
	return c.line
}

// deadDisk is the data directory of a node that was killed with records undelivered.
func deadDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	p := startIn(t, dir, fmt.Sprintf("data_dir: %s\nbuffer: {max_disk: 256MiB}\nstreams:\n  demo: {buffering: {interval: 15m}, destination: {directory: {path: %s/objects}}}\n", data, dir))
	p.post("demo", "application/json", `[{"n":1},{"n":2}]`)
	p.kill()
	return data
}

// reader is who does what a page says, in a directory with the files that pages speak of.
type reader struct {
	t           *testing.T
	dir         string
	environment []string
	rewrite     *strings.Replacer
}

func startReader(t *testing.T, d destinationUnderTest, dead string) *reader {
	t.Helper()
	path, err := binary()
	must(t, err)
	r := &reader{t: t, dir: t.TempDir(), rewrite: strings.NewReplacer()}
	r.environment = append(d.environment[:len(d.environment):len(d.environment)], "PATH="+filepath.Dir(path)+":"+os.Getenv("PATH"),
		"AWS_ENDPOINT_URL_S3="+d.server.Endpoint, "REPLAY_KEY=any", "HYDRANT_LISTEN="+freePort(t), "HYDRANT_ADMIN="+freePort(t))
	r.run("hydrant keys master > master.key && chmod 600 master.key")

	config := fmt.Sprintf(`
data_dir: %[1]s/hydrant-data
buffer: {max_disk: 256MiB}
encryption: {key_file: %[1]s/master.key}
api_streams: {role: ignore, endpoint: %[2]q, path_style: true}
streams:
  demo: {buffering: {interval: 1s}, destination: {directory: {path: %[1]s/delivered}}}
  copy: {buffering: {interval: 1s}, destination: {directory: {path: %[1]s/copied}}}
`, r.dir, d.server.Endpoint)
	node := startIn(t, r.dir, config, append(d.environment, "HYDRANT_DATA_DIR="+r.file("node"))...)
	r.rewrite = strings.NewReplacer("http://127.0.0.1:8080", node.url, "http://127.0.0.1:8081", node.admin, "http://10.0.0.7:8080", node.url,
		"/mnt/dead", r.file("dead"), "http://collector:", "http://127.0.0.1:")
	r.environment = append(r.environment, "HYDRANT_URL="+node.url)
	for _, disk := range []string{"hydrant-data", "dead"} {
		must(t, os.CopyFS(r.file(disk), os.DirFS(dead)))
	}

	writeAll(t, map[string]string{
		r.file("clicks.json"):                       `{"DeliveryStreamName":"clicks","ExtendedS3DestinationConfiguration":{"RoleARN":"arn:aws:iam::000000000000:role/a","BucketARN":"arn:aws:s3:::lake"}}`,
		r.file("sample.json"):                       `{"page":"/"}`,
		r.file("change.json"):                       `{"ExtendedS3DestinationUpdate":{"Prefix":"changed/"}}`,
		r.file("objects/clicks/" + deliveredObject): deliveredLines,
		r.file("failed/" + deliveredObject):         failedLine,
	})
	must(t, os.Mkdir(r.file("tortured"), 0o755))
	must(t, os.WriteFile(r.file("RESULT.json"), keptResult(t), 0o644))
	return r
}

// keptResult is the newest one that is kept of a whole run.
func keptResult(t *testing.T) []byte {
	t.Helper()
	results, err := filepath.Glob("../../bench/results/*.json")
	must(t, err)
	for _, path := range slices.Backward(results) {
		result, err := os.ReadFile(path)
		must(t, err)
		if bytes.Contains(result, []byte(`"growth-streams"`)) {
			return result
		}
	}
	t.Fatal("no result of a whole run is kept")
	return nil
}

// An object as one was delivered, and what error output holds.
const (
	deliveredObject = "2026/01/31/clicks-1-2026-01-31-12-30-00-0b54e5a2-3a4e-4f0e-9d0a-5f3a4f6d7c11"
	deliveredLines  = "one\ntwo\n"
	failedLine      = `{"rawData":"b25l","errorCode":"DynamicPartitioning.MetadataExtractionFailed"}` + "\n"
)

func writeAll(t *testing.T, files map[string]string) {
	t.Helper()
	for path, text := range files {
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, []byte(text), 0o644))
	}
}

func (r *reader) file(name string) string { return filepath.Join(r.dir, name) }

// run gives a command, and wants it to end well.
func (r *reader) run(line string) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 20*time.Minute)
	defer cancel()
	serves := strings.Contains(line, "hydrant serve")
	script := r.rewrite.Replace(line)
	if serves {
		script = strings.Replace(script, "hydrant serve", "exec hydrant serve", 1)
	}
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", script)
	cmd.Dir, cmd.Env = r.dir, append(os.Environ(), r.environment...)
	out := &firstWords{await: "Hydrant is ready.", said: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = out, out
	must(r.t, cmd.Start())
	if serves {
		go func() {
			select {
			case <-out.said:
				_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
			case <-ctx.Done():
			}
		}()
	}
	if err := cmd.Wait(); err != nil {
		r.t.Errorf("%s: %v\n%s", line, err, out.text.String())
	}
}

// firstWords keeps what a program says, and tells when it has said something.
type firstWords struct {
	await string
	said  chan struct{}
	text  bytes.Buffer
	once  sync.Once
}

// Write implements io.Writer.
func (w *firstWords) Write(p []byte) (int, error) {
	w.text.Write(p)
	if strings.Contains(w.text.String(), w.await) {
		w.once.Do(func() { close(w.said) })
	}
	return len(p), nil
}
