//go:build integration

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"hydrant/buffer/keyring"
	"hydrant/delivery/deliverytest"
)

// marker is in every record of these tests, and nowhere else.
const marker = "the-marker-of-plain-text"

// below reports whether a text is in any file below dir.
func below(t *testing.T, dir, text string) bool {
	t.Helper()
	found := false
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if os.IsNotExist(err) || err == nil && !e.Type().IsRegular() {
			return nil // files come and go
		}
		data, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			return nil
		}
		found = found || bytes.Contains(data, []byte(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// vault is a node with a key file, a directory of buckets, and streams.
type vault struct {
	*testing.T
	*process
	dir, key string
}

// openVault starts a node with these streams; settings come before them.
func openVault(t *testing.T, settings, streams string, environment ...string) *vault {
	t.Helper()
	v := &vault{T: t, dir: t.TempDir()}
	v.key = filepath.Join(v.dir, "master.key")
	v.write(v.key, keyring.NewMasterKey())
	v.process = startIn(t, v.dir, fmt.Sprintf("data_dir: %[1]s/data\nbuffer: {max_disk: 256MiB}\nencryption:\n  key_file: %[1]s/master.key\n%[2]s"+
		"api_streams: {directory: %[1]s/buckets}\nstreams:\n%[3]s", v.dir, settings, strings.ReplaceAll(streams, "DIR", v.dir)), environment...)
	return v
}

func (v *vault) write(path, text string) {
	v.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		v.Fatal(err)
	}
}

// api makes a call of the Firehose API and returns status and answer.
func (v *vault) api(operation, body string) (int, string) {
	v.Helper()
	request, err := http.NewRequest(http.MethodPost, v.url, strings.NewReader(body))
	if err != nil {
		v.Fatal(err)
	}
	request.Header.Set("X-Amz-Target", "Firehose_20150804."+operation)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		v.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		v.Fatal(err)
	}
	return response.StatusCode, string(answer)
}

func (v *vault) good(operation, body string) string {
	v.Helper()
	status, answer := v.api(operation, body)
	if status != http.StatusOK {
		v.Fatalf("%s: %d %s", operation, status, answer)
	}
	return answer
}

// ready is what /readyz answers.
func (v *vault) ready() string {
	v.Helper()
	response, err := http.Get(v.admin + "/readyz")
	if err != nil {
		return ""
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		v.Fatal(err)
	}
	return string(answer)
}

// records counts the lines of the objects below a directory of the vault, by line.
func (v *vault) records(dir string) map[string]int {
	v.Helper()
	lines := map[string]int{}
	err := filepath.WalkDir(filepath.Join(v.dir, dir), func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || strings.Contains(path, "/.") {
			if os.IsNotExist(err) {
				return nil
			}
			return err
		}
		data, err := os.ReadFile(path)
		for line := range strings.Lines(string(data)) {
			lines[strings.TrimSpace(line)]++
		}
		return err
	})
	if err != nil {
		v.Fatal(err)
	}
	return lines
}

func (v *vault) inspect() string {
	v.Helper()
	out, err := exec.Command(v.cmd.Path, "inspect", "--blocks", filepath.Join(v.dir, "data")).CombinedOutput()
	if err != nil {
		v.Fatalf("inspect: %v: %s", err, out)
	}
	return string(out)
}

const slow = "    buffering: {size: 64MiB, interval: 1h}\n    compression: none\n    destination: {directory: {path: DIR/objects/"

// Of a stream that is not encrypted the data directory holds plain text; of one that is it never does: not while it is
// loaded, not after kill -9, and inspect tells of it without any key. Both are delivered whole.
func TestEncryptedStreamLeavesNoPlainText(t *testing.T) {
	t.Parallel()
	v := openVault(t, "", "  plain:\n"+slow+"plain}}\n  secret:\n    encrypt: node\n"+slow+"secret}}\n")
	batch := strings.Repeat(fmt.Sprintf(`{"m":"%s","x":"%s"}`+"\n", marker, strings.Repeat("y", 200)), 2000)
	for range 10 {
		v.post("secret", "application/x-ndjson", batch)
		v.post("secret", "application/json", `{"m":"`+marker+`"}`)
	}
	if below(t, filepath.Join(v.dir, "data"), marker) {
		t.Error("the data directory holds records of an encrypted stream in plain")
	}
	v.kill()
	if below(t, filepath.Join(v.dir, "data"), marker) {
		t.Error("after kill -9 the data directory holds records of an encrypted stream in plain")
	}
	if text := v.inspect(); !strings.Contains(text, "encrypted under key 1") || strings.Contains(text, marker) {
		t.Errorf("inspect says:\n%s", text)
	}
	v.process = v.again()
	v.post("plain", "application/json", `{"m":"`+marker+`"}`)
	if !below(t, filepath.Join(v.dir, "data"), marker) {
		t.Error("the marker of a stream that is not encrypted is not found: this test would find nothing")
	}
	v.stop()
	sum := 0
	for _, n := range v.records("objects/secret") {
		sum += n
	}
	if sum != 10*2001 {
		t.Errorf("%d records are delivered, want %d", sum, 10*2001)
	}
}

// Encryption is started and stopped again and again under load, by calls, with kills in between: every record is delivered
// once, and the keys that nothing needs are forgotten.
func TestEncryptionStartsAndStopsUnderLoad(t *testing.T) {
	t.Parallel()
	v := openVault(t, "", "  other:\n"+slow+"other}}\n")
	v.good("CreateDeliveryStream", `{"DeliveryStreamName":"s","ExtendedS3DestinationConfiguration":{"RoleARN":"arn:aws:iam::000000000000:role/r",
		"BucketARN":"arn:aws:s3:::lake","BufferingHints":{"SizeInMBs":1,"IntervalInSeconds":1}}}`)
	stop := make(chan struct{})
	var senders sync.WaitGroup
	var mu sync.Mutex
	sent := map[string]bool{} // acknowledged
	for sender := range 4 {
		senders.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				line := fmt.Sprintf("%d-%d-%s", sender, i, strings.Repeat("z", i%7*9000))
				request, err := http.NewRequest(http.MethodPost, v.url+"/v1/streams/s/records", strings.NewReader(line+"\n"))
				if err != nil {
					t.Error(err)
					return
				}
				request.Header.Set("Content-Type", "application/octet-stream")
				request.Header.Set("Idempotency-Key", fmt.Sprintf("%d-%d", sender, i))
				for { // until it is acknowledged: the node is killed now and then
					request.Body, _ = request.GetBody()
					response, err := http.DefaultClient.Do(request)
					if err == nil {
						_ = response.Body.Close()
						if response.StatusCode == http.StatusOK {
							break
						}
					}
					select {
					case <-stop:
						return
					case <-time.After(5 * time.Millisecond):
					}
				}
				mu.Lock()
				sent[line] = true
				mu.Unlock()
			}
		})
	}
	acknowledged := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(sent)
	}
	more := func() { // so that every change is under load
		goal := acknowledged() + 20
		v.eventually("more records", func() bool { return acknowledged() >= goal })
	}
	for round := range 6 {
		more()
		answer := v.good("PutRecord", `{"DeliveryStreamName":"s","Record":{"Data":"Cg=="}}`)
		if !strings.Contains(answer, `"Encrypted":false`) {
			t.Errorf("round %d, before: %s", round, answer)
		}
		v.good("StartDeliveryStreamEncryption", `{"DeliveryStreamName":"s","DeliveryStreamEncryptionConfigurationInput":{"KeyType":"AWS_OWNED_CMK"}}`)
		more()
		if answer := v.good("PutRecord", `{"DeliveryStreamName":"s","Record":{"Data":"Cg=="}}`); !strings.Contains(answer, `"Encrypted":true`) {
			t.Errorf("round %d, encrypted: %s", round, answer)
		}
		if answer := v.good("DescribeDeliveryStream", `{"DeliveryStreamName":"s"}`); !strings.Contains(answer, `"Status":"ENABLED"`) {
			t.Errorf("round %d: described as %s", round, answer)
		}
		if round%2 == 1 {
			v.kill()
			v.process = v.again()
			more()
		}
		v.good("StopDeliveryStreamEncryption", `{"DeliveryStreamName":"s"}`)
	}
	more()
	close(stop)
	senders.Wait()
	forgotten := func(last int) {
		t.Helper()
		v.eventually("keys are forgotten", func() bool {
			text, err := os.ReadFile(filepath.Join(v.dir, "data", "keys.json"))
			var keys struct {
				Last int               `json:"last"`
				Keys []json.RawMessage `json:"keys"`
			}
			line, _, _ := bytes.Cut(text, []byte{'\n'})
			return err == nil && json.Unmarshal(line, &keys) == nil && keys.Last == last && len(keys.Keys) == 0
		})
	}
	forgotten(6)
	v.delivered()
	v.good("StartDeliveryStreamEncryption", `{"DeliveryStreamName":"s","DeliveryStreamEncryptionConfigurationInput":{"KeyType":"AWS_OWNED_CMK"}}`)
	v.good("StopDeliveryStreamEncryption", `{"DeliveryStreamName":"s"}`)
	forgotten(7) // nothing was encrypted with it, and no record has to come for that to be seen
	v.stop()
	delivered := v.records("buckets/lake")
	for line := range sent {
		if delivered[line] != 1 {
			t.Fatalf("the record %.20q is delivered %d times", line, delivered[line])
		}
	}
	if delivered[""] != 12 {
		t.Errorf("%d of 12 empty records are delivered", delivered[""])
	}
}

// Without its master key a node starts and serves the others; what is encrypted waits, nothing is stored in plain, and all of
// it goes on by itself when the key is back.
func TestMasterKeyIsLostAndBack(t *testing.T) {
	t.Parallel()
	v := openVault(t, "", "  plain:\n"+slow+"plain}}\n  secret:\n    encrypt: node\n"+slow+"secret}}\n  fresh:\n"+slow+"fresh}}\n")
	v.post("secret", "application/json", `{"m":"`+marker+`","n":1}`)
	v.kill()
	if err := os.Rename(v.key, v.key+".away"); err != nil {
		t.Fatal(err)
	}
	config := v.config()
	for _, wrong := range []string{"", keyring.NewMasterKey()} {
		asked := strings.Replace(config, "  fresh:\n", "  fresh:\n    encrypt: node\n", 1)
		if wrong != "" {
			v.kill()
			v.write(v.key, wrong)
			asked = config
		}
		v.process = launchIn(t, v.dir, asked)
		v.eventually("the alarm", func() bool { return strings.Contains(v.ready(), "stream secret: data key 1 cannot be used") })
		v.post("plain", "application/json", `{"n":1}`)
		if got, answer := v.native("secret", `{"m":"`+marker+`"}`); got != http.StatusServiceUnavailable || !strings.Contains(answer, "encryption_key_unavailable") {
			t.Errorf("secret: %d %s", got, answer)
		}
		status, answer := v.api("PutRecord", `{"DeliveryStreamName":"secret","Record":{"Data":"YQ=="}}`)
		if status != http.StatusBadRequest || !strings.Contains(answer, `"__type":"InvalidKMSResourceException"`) || !strings.Contains(answer, `"code":"NotFoundException"`) {
			t.Errorf("%d %s", status, answer)
		}
		if wrong == "" { // no key can be made for what is to be encrypted from now on
			if got, answer := v.native("fresh", `{"m":"`+marker+`"}`); got != http.StatusServiceUnavailable {
				t.Errorf("fresh: %d %s", got, answer)
			}
		}
		if answer := v.good("DescribeDeliveryStream", `{"DeliveryStreamName":"secret"}`); !strings.Contains(answer, "KMS_KEY_NOT_FOUND") {
			t.Errorf("described as %s", answer)
		}
	}
	if below(t, filepath.Join(v.dir, "data"), marker) {
		t.Error("something was stored in plain")
	}
	if err := os.Rename(v.key+".away", v.key); err != nil {
		t.Fatal(err)
	}
	v.awaitReady()
	v.post("secret", "application/json", `{"n":2}`)
	v.stop()
	if got := v.records("objects/secret"); got[`{"m":"`+marker+`","n":1}`] != 1 || got[`{"n":2}`] != 1 || len(got) != 2 {
		t.Errorf("delivered: %v", got)
	}
}

// config is the node's configuration file.
func (v *vault) config() string {
	v.Helper()
	text, err := os.ReadFile(filepath.Join(v.dir, "hydrant.yaml"))
	if err != nil {
		v.Fatal(err)
	}
	return string(text)
}

// native posts a JSON record and returns status and answer.
func (v *vault) native(stream, body string) (int, string) {
	v.Helper()
	response, err := http.Post(v.url+"/v1/streams/"+stream+"/records", "application/json", strings.NewReader(body))
	if err != nil {
		v.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		v.Fatal(err)
	}
	return response.StatusCode, string(answer)
}

// With a KMS: a stream is encrypted under a customer's key, a disabled key and an unknown one are refused with AWS's words,
// and a KMS that is away at the start is waited for.
func TestEncryptionByKMS(t *testing.T) {
	t.Parallel()
	moto := deliverytest.StartMoto(t)
	proxy := deliverytest.StartProxy(t, moto)
	environment := []string{"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_EC2_METADATA_DISABLED=true"}
	v := openVault(t, "  kms: {region: us-east-1, endpoint: \""+proxy.URL+"\"}\n", "  other:\n"+slow+"other}}\n", environment...)
	arn := newKMSKey(t, moto)
	v.good("CreateDeliveryStream", `{"DeliveryStreamName":"s","ExtendedS3DestinationConfiguration":{"RoleARN":"arn:aws:iam::000000000000:role/r",
		"BucketARN":"arn:aws:s3:::lake"}}`)
	start := func(arn string) (int, string) {
		return v.api("StartDeliveryStreamEncryption", `{"DeliveryStreamName":"s","DeliveryStreamEncryptionConfigurationInput":{"KeyType":"CUSTOMER_MANAGED_CMK","KeyARN":"`+arn+`"}}`)
	}
	status, answer := start("arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000")
	if status != http.StatusBadRequest || !strings.Contains(answer, "InvalidKMSResourceException") || !strings.Contains(answer, `"code":"NotFoundException"`) {
		t.Errorf("an unknown key: %d %s", status, answer)
	}
	if status, answer := start(arn); status != http.StatusOK || answer != "{}" {
		t.Fatalf("%d %s", status, answer)
	}
	v.post("s", "application/json", `{"m":"`+marker+`"}`)
	if below(t, filepath.Join(v.dir, "data"), marker) {
		t.Error("the record is stored in plain")
	}
	v.kill()
	everything := func(*http.Request) bool { return true }
	proxy.Spoil(everything, 1, -1, func(http.ResponseWriter, *http.Request, http.HandlerFunc) { panic(http.ErrAbortHandler) })
	v.process = launchIn(t, v.dir, v.config(), environment...)
	v.eventually("the alarm", func() bool { return strings.Contains(v.ready(), "stream s: data key 1 cannot be used") })
	if status, answer := v.api("PutRecord", `{"DeliveryStreamName":"s","Record":{"Data":"YQ=="}}`); status != http.StatusServiceUnavailable ||
		!strings.Contains(answer, `"__type":"ServiceUnavailableException"`) || !strings.Contains(answer, `"code":"DependencyTimeoutException"`) {
		t.Errorf("%d %s", status, answer)
	}
	proxy.Heal()
	v.awaitReady()
	v.stop()
	if got := v.records("buckets/lake"); got[`{"m":"`+marker+`"}`] != 1 {
		t.Errorf("delivered: %v", got)
	}
}

// newKMSKey makes a key and returns its ARN.
func newKMSKey(t *testing.T, endpoint string) string {
	t.Helper()
	chain, err := config.LoadDefaultConfig(t.Context(), config.WithRegion("us-east-1"), config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider("test", "test", "")))
	if err != nil {
		t.Fatal(err)
	}
	client := kms.NewFromConfig(chain, func(o *kms.Options) { o.BaseEndpoint = &endpoint })
	made, err := client.CreateKey(t.Context(), &kms.CreateKeyInput{})
	if err != nil {
		t.Fatal(err)
	}
	return *made.KeyMetadata.Arn
}
