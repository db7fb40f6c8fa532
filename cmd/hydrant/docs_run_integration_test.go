//go:build integration

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// runnable are commands of the documentation, as its pages print them, in the order in which a reader could give them. Those with
// a second text are given as that: with a name where the page has a place for one, or with less to do.
var runnable = []struct{ page, printed, given string }{
	{"api.md", "", ""}, // every one of the page
	{"processing.md", "hydrant try --config FILE --stream NAME sample.json", "hydrant try --config hydrant.yaml --stream demo sample.json"},
	{"configuration.md", "hydrant check --config FILE", "hydrant check --config hydrant.yaml"},
	{"firehose.md", "hydrant streams list", ""},
	{"firehose.md", "hydrant streams create clicks --bucket lake --prefix 'clicks/!{timestamp:yyyy/MM/dd}/' --error-prefix errors/", ""},
	{"firehose.md", "hydrant streams describe clicks", ""},
	{"firehose.md", "hydrant streams update clicks --format GZIP --interval 60", ""},
	{"firehose.md", "hydrant streams tag clicks team=web", ""},
	{"firehose.md", "hydrant streams update clicks --backup copies --log /firehose/clicks:delivery", ""},
	{"firehose.md", "hydrant streams update clicks --file change.json", ""},
	{"firehose.md", "hydrant try --file clicks.json sample.json", ""},
	{"firehose.md", "hydrant streams encrypt clicks", ""},
	{"streams.md", "hydrant streams flush NAME", "hydrant streams flush clicks"},
	{"replay.md", "hydrant replay errors  --s3 s3://lake/errors/ --stream clicks --dry-run", ""},
	{"replay.md", "hydrant replay errors  --s3 s3://lake/errors/ --stream clicks", ""},
	{"replay.md", "hydrant replay records --s3 s3://lake/clicks/ --stream copy --from 2026-01-31T12:00:00Z --to 2026-01-31T18:00:00Z", ""},
	{
		"replay.md", "hydrant replay records --dir ./objects/clicks --stream copy --rate 5000 --url http://10.0.0.7:8080 --api-key REPLAY_KEY",
		"hydrant replay records --dir ./objects/clicks --stream copy --rate 5000 --url http://127.0.0.1:8080 --api-key REPLAY_KEY",
	},
	{"firehose.md", "hydrant streams delete clicks", ""},
	{"testing.md", "hydrant top", "hydrant top --once --admin http://127.0.0.1:8081"},
	{"releases.md", "hydrant version", ""},
	{"torture.md", "hydrant bench torture --list", ""},
}

// afterStop are given when the node has stopped.
var afterStop = []struct{ page, printed, given string }{
	{"operations.md", "hydrant inspect DIR", "hydrant inspect data"},
	{"operations.md", "hydrant drain --config hydrant.yaml --data-dir /mnt/dead", "hydrant drain --config hydrant.yaml --data-dir data"},
}

// The commands of the pages are executed against one node, each as it stands, and each ends well.
func TestDocsCommandsRun(t *testing.T) {
	t.Parallel()
	r := startReader(t)
	for _, c := range runnable {
		if c.printed != "" {
			r.run(c.page, c.printed, c.given)
			continue
		}
		for _, line := range r.commands(c.page) {
			r.run(c.page, line, "")
		}
	}
	r.node.stop()
	for _, c := range afterStop {
		r.run(c.page, c.printed, c.given)
	}
}

// reader is who does what the pages say, in a directory with the files that they speak of.
type reader struct {
	t           *testing.T
	node        *process
	dir         string
	environment []string
	rewrite     *strings.Replacer
}

func startReader(t *testing.T) *reader {
	t.Helper()
	d := s3Destination(t)
	d.server.MakeBucket(t, "copies")
	path, err := binary()
	must(t, err)
	r := &reader{t: t, dir: t.TempDir()}
	r.environment = append(d.environment, "PATH="+filepath.Dir(path)+":"+os.Getenv("PATH"),
		"AWS_ENDPOINT_URL_S3="+d.server.Endpoint, "REPLAY_KEY=any")
	r.rewrite = strings.NewReplacer()
	r.run("encryption.md", "hydrant keys master > master.key && chmod 600 master.key", "")

	config := fmt.Sprintf(`
data_dir: %s
buffer: {max_disk: 1GiB}
encryption: {key_file: %s}
api_streams: {role: ignore, endpoint: %q, path_style: true}
streams:
  demo: {buffering: {interval: 1s}, destination: {directory: {path: %s}}}
  copy: {buffering: {interval: 1s}, destination: {directory: {path: %[4]s}}}
`, r.file("data"), r.file("master.key"), d.server.Endpoint, r.file("delivered"))
	r.node = startIn(t, r.dir, config, d.environment...)
	r.rewrite = strings.NewReplacer("http://127.0.0.1:8080", r.node.url, "http://127.0.0.1:8081", r.node.admin)
	r.environment = append(r.environment, "HYDRANT_URL="+r.node.url)

	const object = "2026/01/31/clicks-1-2026-01-31-12-30-00-0b54e5a2-3a4e-4f0e-9d0a-5f3a4f6d7c11"
	r.write(r.file("sample.json"), `{"page":"/"}`)
	r.write(r.file("clicks.json"), `{"DeliveryStreamName":"clicks","S3DestinationConfiguration":`+
		`{"RoleARN":"arn:aws:iam::123456789012:role/delivery","BucketARN":"arn:aws:s3:::lake"}}`)
	r.write(r.file("change.json"), `{"ExtendedS3DestinationUpdate":{"Prefix":"changed/"}}`)
	r.write(r.file("objects/clicks/"+object), "one\ntwo\n")
	r.write(filepath.Join(d.objects, "clicks", object), "one\ntwo\n")
	r.write(filepath.Join(d.objects, "errors", object), `{"rawData":"b25l","errorCode":"DynamicPartitioning.MetadataExtractionFailed"}`+"\n")
	return r
}

func (r *reader) file(name string) string { return filepath.Join(r.dir, name) }

func (r *reader) write(path, text string) {
	r.t.Helper()
	must(r.t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(r.t, os.WriteFile(path, []byte(text), 0o644))
}

func (r *reader) commands(page string) []string {
	r.t.Helper()
	path := "../../docs/" + page
	return commandsOf(r.t, path, readDoc(r.t, path))
}

// run gives a command, which must stand on its page.
func (r *reader) run(page, printed, given string) {
	r.t.Helper()
	if !slices.Contains(r.commands(page), printed) {
		r.t.Errorf("%s does not say %q", page, printed)
		return
	}
	if given == "" {
		given = printed
	}
	ctx, cancel := context.WithTimeout(r.t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", r.rewrite.Replace(given))
	cmd.Dir, cmd.Env = r.dir, append(os.Environ(), r.environment...)
	if out, err := cmd.CombinedOutput(); err != nil {
		r.t.Errorf("%s: %s: %v\n%s", page, given, err, out)
	}
}
