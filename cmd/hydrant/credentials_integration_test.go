//go:build integration

package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"
	"github.com/aws/smithy-go"
)

const clientCredentials = `
principals:
  clients:
    access_keys: [{id: %s, secret: "${CLIENT_SECRET}"}]
    allow: [{actions: [PutRecord, PutRecordBatch], streams: ["*"]}]
  nobody:
    access_keys: [{id: NOBODY, secret: "${CLIENT_SECRET}"}]
`

// Real clients sign as they always do, and are let in or told why not.
func TestSignedClients(t *testing.T) {
	d := directoryDestination(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "credentials.yaml")
	must(t, os.WriteFile(file, fmt.Appendf(nil, clientCredentials, clientKey), 0o600))
	p := startIn(t, dir, clientConfig(dir, d.yaml)+"credentials: "+file+"\n", "CLIENT_SECRET="+clientSecret)
	want := 0
	for name, send := range map[string]func(t *testing.T, endpoint string) []string{
		"aws CLI":    sendWithCLI,
		"boto3":      sendWithBoto3,
		"SDK for Go": sendWithGo,
	} {
		t.Run(name, func(t *testing.T) { want += len(send(t, p.url)) })
	}
	refusals := map[[2]string]string{
		{clientKey, clientSecret + "x"}: "InvalidSignatureException",
		{"UNKNOWN", clientSecret}:       "InvalidSignatureException",
		{"NOBODY", clientSecret}:        "AccessDeniedException",
	}
	for key, code := range refusals {
		wantRefusal(t, p.url, key[0], key[1], code)
	}
	p.delivered()
	if got := p.metric("hydrant_delivered_records_total"); int(got) != want {
		t.Errorf("%v records are delivered, want %d", got, want)
	}
	if got := p.series(`hydrant_auth_failures_total{reason="wrong_signature"}`); got != 2 {
		t.Errorf("the metric tells of %v wrong signatures, want 2", got)
	}

	must(t, os.WriteFile(file, fmt.Appendf(nil, clientCredentials, "NEXT"), 0o600))
	p.hangUp("applied")
	wantRefusal(t, p.url, clientKey, clientSecret, "InvalidSignatureException")
	must(t, os.WriteFile(file, []byte("principals: {}"), 0o600))
	p.hangUp("rejected")
	if err := putOne(t, p.url, "NEXT", clientSecret); err != nil {
		t.Errorf("after a reload that was rejected: %v", err)
	}
	p.stop()
	if strings.Contains(p.output.String(), clientSecret) {
		t.Errorf("the node tells a secret:\n%s", p.output)
	}
}

// hangUp reloads without changing the configuration, and waits for the result.
func (p *process) hangUp(result string) {
	p.t.Helper()
	counter := fmt.Sprintf(`hydrant_config_reloads_total{result=%q}`, result)
	before := p.series(counter)
	must(p.t, p.cmd.Process.Signal(syscall.SIGHUP))
	p.eventually("the reload is "+result, func() bool { return p.series(counter) == before+1 })
}

const refusedScript = `
import sys, boto3, botocore
firehose = boto3.client("firehose", endpoint_url=sys.argv[1], aws_access_key_id=sys.argv[2], aws_secret_access_key=sys.argv[3])
try:
    firehose.put_record(DeliveryStreamName="plain", Record={"Data": b"x"})
    raise SystemExit("let in")
except botocore.exceptions.ClientError as e:
    print(e.response["Error"]["Code"])
`

func wantRefusal(t *testing.T, endpoint, id, secret, code string) {
	t.Helper()
	var refused smithy.APIError
	if err := putOne(t, endpoint, id, secret); !errors.As(err, &refused) || refused.ErrorCode() != code {
		t.Errorf("SDK for Go as %s: got %v, want %s", id, err, code)
	}
	if got := strings.TrimSpace(command(t, refusedScript, "python3", "-", endpoint, id, secret)); got != code {
		t.Errorf("boto3 as %s: got %s, want %s", id, got, code)
	}
}

func putOne(t *testing.T, endpoint, id, secret string) error {
	client := firehose.New(firehose.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(endpoint), Credentials: credentials.NewStaticCredentialsProvider(id, secret, ""),
	})
	_, err := client.PutRecord(t.Context(), &firehose.PutRecordInput{
		DeliveryStreamName: aws.String("plain"), Record: &types.Record{Data: []byte(`{"one":1}`)},
	})
	return err
}

// The example of a production set-up is served as it stands, but for its places: over TLS, with the example's
// credentials, to a signed call and to an API key of `hydrant keys new`.
func TestProductionConfiguration(t *testing.T) {
	store := s3Destination(t)
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "tls"), 0o700))
	certificate := makeCertificate(t, filepath.Join(dir, "tls"))
	config, err := os.ReadFile("../../configs/production.yaml")
	must(t, err)
	principals, err := os.ReadFile("../../configs/credentials.example.yaml")
	must(t, err)
	key, hash := newAPIKey(t)
	must(t, os.WriteFile(filepath.Join(dir, "credentials.yaml"), []byte(strings.Replace(string(principals), strings.Repeat("0", 64), hash, 1)), 0o600))

	p := startIn(t, dir, strings.NewReplacer("/etc/hydrant/", dir+"/", "interval: 60s", "interval: 1s").Replace(string(config)),
		append(store.environment, "HYDRANT_DATA_DIR="+filepath.Join(dir, "data"), "HYDRANT_BUFFER_MAX_DISK=1GiB", "WEB_SECRET="+clientSecret, "OPERATOR_SECRET="+clientSecret,
			"S3_BUCKET=lake", "S3_ENDPOINT="+store.server.Endpoint)...)
	url := strings.Replace(p.url, "http:", "https:", 1)
	command(t, productionScript, "python3", "-", url, clientSecret, certificate)
	if status, body := postTo(t, url, "events", certificate, key); status != http.StatusOK {
		t.Errorf("with the API key: got %d %s", status, body)
	}
	if status, body := postTo(t, url, "events", certificate, key+"x"); status != http.StatusUnauthorized || !strings.Contains(body, `"code":"invalid_credentials"`) {
		t.Errorf("with another API key: got %d %s, want 401", status, body)
	}
	p.delivered()
	if got := p.metric("hydrant_delivered_records_total"); got != 2 {
		t.Errorf("%v records are delivered, want 2", got)
	}
	p.stop()
}

const productionScript = `
import sys, boto3
firehose = boto3.client("firehose", endpoint_url=sys.argv[1], aws_access_key_id="WEB2026A", aws_secret_access_key=sys.argv[2], verify=sys.argv[3])
assert firehose.put_record(DeliveryStreamName="events", Record={"Data": b'{"type":"login"}'})["RecordId"]
`

// makeCertificate has Go's own program make a pair in dir, under the names that the configuration gives.
func makeCertificate(t *testing.T, dir string) (path string) {
	t.Helper()
	//lint:ignore SA1019 the tests run where they were built
	program := filepath.Join(runtime.GOROOT(), "src", "crypto", "tls", "generate_cert.go")
	cmd := exec.CommandContext(t.Context(), "go", "run", program, "--host", "127.0.0.1", "--ca", "--ecdsa-curve", "P256")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make a certificate: %v\n%s", err, out)
	}
	path = filepath.Join(dir, "server.pem")
	must(t, os.Rename(filepath.Join(dir, "cert.pem"), path))
	must(t, os.Rename(filepath.Join(dir, "key.pem"), filepath.Join(dir, "server.key")))
	must(t, os.Link(path, filepath.Join(dir, "clients.pem")))
	return path
}

func newAPIKey(t *testing.T) (key, hash string) {
	t.Helper()
	path, err := binary()
	must(t, err)
	var hint strings.Builder
	cmd := exec.CommandContext(t.Context(), path, "keys", "new")
	cmd.Stderr = &hint
	out, err := cmd.Output()
	must(t, err)
	_, file, _ := strings.Cut(hint.String(), "sha256: ")
	hash, _, _ = strings.Cut(file, "\n")
	return strings.TrimSpace(string(out)), hash
}

func postTo(t *testing.T, url, stream, certificate, key string) (status int, body string) {
	t.Helper()
	pem, err := os.ReadFile(certificate)
	must(t, err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	defer client.CloseIdleConnections()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/v1/streams/"+stream+"/records", strings.NewReader(`{"type":"import"}`))
	must(t, err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+key)
	answer, err := client.Do(r)
	must(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	must(t, err)
	return answer.StatusCode, string(text)
}

// The load generator shows both kinds of credentials, and everything that it sends is taken.
func TestBenchWithCredentials(t *testing.T) {
	d := directoryDestination(t)
	dir := t.TempDir()
	key, hash := newAPIKey(t)
	file := filepath.Join(dir, "credentials.yaml")
	must(t, os.WriteFile(file, []byte(`
principals:
  bench:
    access_keys: [{id: `+clientKey+`, secret: "`+clientSecret+`"}]
    api_keys: [{sha256: `+hash+`}]
    allow: [{actions: [put], streams: [crash]}]
`), 0o600))
	p := startIn(t, dir, crashConfig(dir, d.yaml, 0)+"credentials: "+file+"\n")
	ledger := filepath.Join(dir, "ledger")
	for _, credentials := range [][]string{{"--api", "firehose", "--sign"}, {"--api-key", "BENCH_KEY"}} {
		arguments := append([]string{
			"bench", "--url", p.url, "--stream", "crash", "--ledger", ledger, "--connections", "8", "--batch", "20", "--keys", "5", "--records", "4000",
		}, credentials...)
		if _, err := runHydrant(t.Context(), t, append([]string{"BENCH_KEY=" + key}, clientEnvironment...), arguments...); err != nil {
			t.Fatal(err)
		}
	}
	if refused := p.metric("hydrant_refused_requests_total"); refused != 0 {
		t.Errorf("%v requests were refused", refused)
	}
	p.delivered()
	p.stop()
	t.Logf("%v", d.verifyAll(t, ledger))
}
