package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"
)

// A commandLine is a program that embeds Command, as cmd/hydrant does.
type commandLine struct {
	Bench Command `cmd:"" help:"Load generator and verifier."`

	output, progress bytes.Buffer
}

func (c *commandLine) parse(t *testing.T, args ...string) (*kong.Context, error) {
	t.Helper()
	parser, err := kong.New(c, kong.Name("hydrant"), kong.Writers(&c.output, &c.progress), kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	return parser.Parse(args)
}

func (c *commandLine) run(t *testing.T, args ...string) error {
	t.Helper()
	parsed, err := c.parse(t, args...)
	if err != nil {
		t.Fatal(err)
	}
	parsed.BindTo(t.Context(), (*context.Context)(nil))
	return parsed.Run()
}

func TestParseRun(t *testing.T) {
	for _, c := range []struct {
		args    string
		command string
		change  func(o *Options)
	}{
		{"bench", "bench run", func(*Options) {}},
		{"bench run", "bench run", func(*Options) {}},
		{"bench --stream clicks --api firehose --batch 500 --size 1024 --keys 3", "bench run", func(o *Options) {
			o.Stream, o.API, o.Batch, o.Size, o.Keys = "clicks", Firehose, 500, 1024, 3
		}},
		{"bench run --url http://a:1 --url https://b --connections 8 --timeout 5s --ledger l", "bench run", func(o *Options) {
			o.URL, o.Connections, o.Timeout, o.Ledger = []string{"http://a:1", "https://b"}, 8, 5*time.Second, "l"
		}},
		{"bench --rate 1000.5 --warmup 2s --duration 1m --records 7", "bench run", func(o *Options) {
			o.Rate, o.Warmup, o.Duration, o.Records = 1000.5, 2*time.Second, time.Minute, 7
		}},
	} {
		var cli commandLine
		parsed, err := cli.parse(t, strings.Fields(c.args)...)
		if err != nil {
			t.Errorf("%s: %v", c.args, err)
			continue
		}
		want := DefaultOptions()
		c.change(&want)
		if diff := cmp.Diff(want, cli.Bench.Run.Options); diff != "" || parsed.Command() != c.command {
			t.Errorf("%s is %s (-want +got):\n%s", c.args, parsed.Command(), diff)
		}
	}
}

func TestDefaultOptions(t *testing.T) {
	want := Options{
		URL: []string{"http://127.0.0.1:8080"}, Stream: "demo", API: Native, Batch: 1, Body: Auto, Encoding: Identity, Size: 512, Keys: 16,
		Connections: 64, Timeout: 30 * time.Second,
	}
	if diff := cmp.Diff(want, DefaultOptions()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got, want := want.bounded().Duration, 10*time.Second; got != want {
		t.Errorf("duration: got %v, want %v", got, want)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"bench --url ftp://a", `url: "ftp://a" is not of the form`},
		{"bench --url http://", `url: "http://" is not of the form`},
		{"bench --url http://a:b", "url: parse"},
		{"bench --stream a/b", `stream: "a/b" is not 1 to 64 letters`},
		{"bench --api kafka", "--api must be one of"},
		{"bench --batch 0", "batch: 0 is not in 1 to 100000"},
		{"bench --api firehose --batch 501", "batch: 501 records, but a PutRecordBatch takes 500"},
		{"bench --api firehose --batch 500 --size 10000", "are 5000500 bytes, but a PutRecordBatch takes 4194304"},
		{"bench --size 100", "size: 100 is not in 101 to 1023999"},
		{"bench --keys 0", "keys: 0 is not in 1 to 1000000"},
		{"bench --connections 0", "connections: 0 is not in 1 to 100000"},
		{"bench --duration=-1s", "duration and warmup: -1s"},
		{"bench --timeout 0s", "timeout: 0s must be above 0"},
		{"bench --records=-1", "records: -1 must not be negative"},
		{"bench --rate=-1", "rate: -1 records a second is not in"},
		{"bench --rate=NaN", "rate: NaN records a second is not in"},
		{"bench verify --ledger l", "dir and s3: exactly one is needed"},
		{"bench verify --dir d", "ledger: at least one is needed"},
		{"bench verify --ledger l --dir d --s3 s3://b", "dir and s3: exactly one is needed"},
		{"bench verify --ledger l --s3 b", `s3: "b" is not of the form`},
		{"bench verify --ledger l --dir d --parallel 0", "parallel: 0 is not in 1 to 1000"},
		{"bench verify --ledger l --dir d --wait=-1s", "wait: -1s must not be negative"},
	} {
		var cli commandLine
		if _, err := cli.parse(t, strings.Fields(c.args)...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", c.args, err, c.want)
		}
	}
}

func TestParseVerify(t *testing.T) {
	var cli commandLine
	args := "bench verify --ledger a --ledger b --s3 s3://lake/x --endpoint http://e --path-style --partition customer --wait 1m"
	if _, err := cli.parse(t, strings.Fields(args)...); err != nil {
		t.Fatal(err)
	}
	want := VerifyOptions{
		Ledger: []string{"a", "b"}, S3: "s3://lake/x", Endpoint: "http://e", PathStyle: true, ErrorPrefix: "errors/",
		Partition: "customer", Parallel: 4, Wait: time.Minute,
	}
	if diff := cmp.Diff(want, cli.Bench.Verify.VerifyOptions); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestCommands runs both commands as their users do.
func TestCommands(t *testing.T) {
	g := newFakeGateway(t, func(int) treatment { return treatment{} })
	dir := t.TempDir()
	ledger, objects := filepath.Join(dir, "ledger"), filepath.Join(dir, "objects")
	var load commandLine
	err := load.run(t, "bench", "--url", g.URL, "--records", "200", "--batch", "10", "--ledger", ledger, "--json")
	if err != nil {
		t.Fatal(err)
	}
	var report Report
	if err := json.Unmarshal(load.output.Bytes(), &report); err != nil || report.Acked != 200 {
		t.Errorf("got %v, %s", err, load.output.String())
	}
	if err := os.Mkdir(objects, 0o755); err != nil {
		t.Fatal(err)
	}
	var empty commandLine
	if err := empty.run(t, "bench", "verify", "--ledger", ledger, "--dir", objects); !errors.Is(err, ErrFault) {
		t.Errorf("no objects: got %v, want a fault", err)
	}
	if err := os.WriteFile(filepath.Join(objects, "all"), g.objects()["all"], 0o600); err != nil {
		t.Fatal(err)
	}
	var good commandLine
	if err := good.run(t, "bench", "verify", "--ledger", ledger, "--dir", objects); err != nil {
		t.Errorf("got %v\n%s", err, good.output.String())
	}
	if !strings.Contains(good.output.String(), "OK: ") {
		t.Errorf("got %s", good.output.String())
	}
}

func TestRunFailsWithoutAnAck(t *testing.T) {
	g := newFakeGateway(t, func(int) treatment { return treatment{lose: true, status: 404, body: `{"code":"stream_not_found"}`} })
	var cli commandLine
	err := cli.run(t, "bench", "--url", g.URL, "--records", "1", "--connections", "1")
	if !errors.Is(err, ErrNothingAcked) {
		t.Errorf("got %v, want %v", err, ErrNothingAcked)
	}
	if !strings.Contains(cli.output.String(), "404 stream_not_found") {
		t.Errorf("the report does not say why:\n%s", cli.output.String())
	}
}
