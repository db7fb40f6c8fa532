package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/prometheus/client_golang/prometheus"

	"hydrant/buffer"
	"hydrant/gateway/auth"
)

const testSecret = "a secret of the tests, long enough"

// startWithCredentials runs a server that knows web, which may put to clicks, and reader, which may do nothing. Each has
// an access key of its name; the API keys are returned.
func startWithCredentials(t *testing.T, log *fakeLog) (f *fixture, webKey, readerKey string) {
	t.Helper()
	webKey, webHash := auth.NewKey()
	readerKey, readerHash := auth.NewKey()
	credentials, faults := auth.New(auth.Config{Principals: map[string]auth.PrincipalConfig{
		"web": {
			AccessKeys: []auth.AccessKey{{ID: "web", Secret: testSecret}},
			APIKeys:    []auth.KeyHash{{SHA256: webHash}},
			Allow:      []auth.Rule{{Actions: []string{auth.Put}, Streams: []string{"clicks"}}},
		},
		"reader": {
			AccessKeys: []auth.AccessKey{{ID: "reader", Secret: testSecret}},
			APIKeys:    []auth.KeyHash{{SHA256: readerHash}},
		},
	}})
	if faults != nil {
		t.Fatal(faults)
	}
	f = startGuarded(t, log, auth.NewGuard(credentials))
	return f, webKey, readerKey
}

func startGuarded(t *testing.T, log *fakeLog, guard *auth.Guard, configure ...func(*Deps)) *fixture {
	t.Helper()
	deps := Deps{Log: log, Guard: guard}
	for _, c := range configure {
		c(&deps)
	}
	f := &fixture{t: t, log: log, registry: prometheus.NewRegistry()}
	return f.serve(Config{Listen: "127.0.0.1:0", Ingest: smallLimits}, twoStreams, deps)
}

// signedCall is a call signed by the SDK's signer, as the SDKs sign it.
func signedCall(t *testing.T, id, secret, operation, body string, headers ...string) string {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, "http://hydrant/", nil)
	if err != nil {
		t.Fatal(err)
	}
	return signedRequest(t, r, id, secret, operation, body, headers...)
}

// signedRequest signs for r's URL, which the signer puts in order; the request returned has the path /.
func signedRequest(t *testing.T, r *http.Request, id, secret, operation, body string, headers ...string) string {
	t.Helper()
	r.ContentLength = int64(len(body))
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "Firehose_20150804."+operation)
	hash := sha256.Sum256([]byte(body))
	key := aws.Credentials{AccessKeyID: id, SecretAccessKey: secret}
	if err := v4.NewSigner().SignHTTP(context.Background(), key, r, hex.EncodeToString(hash[:]), "firehose", "us-east-1", time.Now()); err != nil {
		t.Fatal(err)
	}
	headers = append(headers, "Authorization: "+r.Header.Get("Authorization"), "X-Amz-Date: "+r.Header.Get("X-Amz-Date"))
	return call(operation, body, headers...)
}

const putABC = `{"DeliveryStreamName":"clicks","Record":{"Data":"YWJj"}}`

// Every way to send against every kind of credential: what is not meant to work does not, and stores nothing.
func TestEveryHandlerAsksForCredentials(t *testing.T) {
	f, key, readerKey := startWithCredentials(t, &fakeLog{})
	signature := func(id, secret string) func(operation, body string) string {
		return func(operation, body string) string { return signedCall(t, id, secret, operation, body) }
	}
	plain := func(headers ...string) func(operation, body string) string {
		return func(operation, body string) string { return call(operation, body, headers...) }
	}
	for _, x := range []struct {
		credentials string
		call        func(operation, body string) string
		exception   string // of the Firehose API; empty where it is served
		headers     []string
		code        string // of the native API; empty where it is served
	}{
		{"none", plain(), "MissingAuthenticationTokenException", nil, "missing_credentials"},
		{"a good signature", signature("web", testSecret), "", []string{"Authorization: AWS4-HMAC-SHA256 Credential=web"}, "malformed_credentials"},
		{"a wrong signature", signature("web", "x"+testSecret), "InvalidSignatureException", nil, "missing_credentials"},
		{"an unknown access key", signature("other", testSecret), "InvalidSignatureException", nil, "missing_credentials"},
		{"a signature without rights", signature("reader", testSecret), "AccessDeniedException", nil, "missing_credentials"},
		{"a good API key", plain("Authorization: Bearer " + key), "IncompleteSignatureException", []string{"Authorization: Bearer " + key}, ""},
		{"an unknown API key", plain("Authorization: Bearer x"), "IncompleteSignatureException", []string{"Authorization: Bearer x"}, "invalid_credentials"},
		{"an API key without rights", plain("Authorization: Bearer " + readerKey), "IncompleteSignatureException", []string{"Authorization: Bearer " + readerKey}, "access_denied"},
	} {
		t.Run(x.credentials, func(t *testing.T) {
			f.t = t
			for operation, body := range map[string]string{
				"PutRecord":      putABC,
				"PutRecordBatch": `{"DeliveryStreamName":"clicks","Records":[{"Data":"YWJj"}]}`,
			} {
				f.wantAnswer(x.call(operation, body), x.exception, 400)
			}
			for contentType, body := range map[string]string{ndjson: "abc\n", "application/json": `{"a":1}`} {
				status := 401
				if x.code == "access_denied" {
					status = 403
				}
				f.wantAnswer(post(clicksURL, contentType, body, x.headers...), x.code, status)
			}
		})
	}
	f.t = t
}

// wantAnswer wants the request to be served and its record stored, or refused with the name and nothing stored.
func (f *fixture) wantAnswer(request, refusal string, status int) {
	f.t.Helper()
	got := f.dial().do(request)
	stored := f.log.stored()
	if refusal == "" {
		if got.StatusCode != 200 || len(stored) != 1 {
			f.t.Errorf("got %d %s and %q stored, want one record", got.StatusCode, got.body, stored)
		}
		return
	}
	var body struct {
		Type string `json:"__type"`
		Code string `json:"code"`
	}
	if err := json.Unmarshal([]byte(got.body), &body); err != nil {
		f.t.Fatalf("%q: %v", got.body, err)
	}
	if got.StatusCode != status || body.Type+body.Code != refusal && body.Code != refusal || len(stored) > 0 {
		f.t.Errorf("got %d %s and %q stored, want %d %s", got.StatusCode, got.body, stored, status, refusal)
	}
	if challenge := got.Header.Get("WWW-Authenticate"); (challenge == "Bearer") != (status == 401) {
		f.t.Errorf("got the challenge %q with status %d", challenge, status)
	}
}

// A stranger is refused before the body is there, whatever the stranger asks for; who may not use a stream does not
// learn whether it exists.
func TestTheHeadIsJudgedFirst(t *testing.T) {
	f, key, _ := startWithCredentials(t, &fakeLog{})
	bearer := "Authorization: Bearer " + key
	for _, x := range []struct{ head, want string }{
		{head("POST", clicksURL, "Content-Type: "+ndjson, "Content-Length: 1000000000"), `"code":"missing_credentials"`},
		{head("POST", "/v1/streams/absent/records", "Content-Length: 290000", bearer), `"code":"access_denied"`},
		{head("POST", "/v1/streams/closing/records", "Content-Length: 290000", bearer), `"code":"access_denied"`},
		{head("GET", "/anything", "Content-Length: 290000"), `"code":"missing_credentials"`},
		{head("POST", clicksURL, "Content-Type: "+ndjson, "Content-Length: 1000000000", bearer), `"code":"body_too_large"`},
		{head("POST", "/", "X-Amz-Target: Firehose_20150804.Other", "Content-Length: 290000"), "MissingAuthenticationTokenException"},
		{headOfCall(t, "other", "PutRecord"), "InvalidSignatureException"},
		{headOfCall(t, "reader", "PutRecord"), "AccessDeniedException"},
		{headOfCall(t, "reader", "PutRecordBatch"), "AccessDeniedException"},
	} {
		c := f.dial()
		c.send(x.head, strings.Repeat("x", 8<<10)) // which fasthttp reads before it asks the handler, and nothing more
		if got := c.receive(); !strings.Contains(got.body, x.want) {
			t.Errorf("%s: got %s, want %s", x.head, got.body, x.want)
		}
	}
	if got := f.metric("hydrant_auth_failures_total", "missing"); got != 3 {
		t.Errorf("requests without credentials: got %v, want 3", got)
	}
	if got := f.metric("hydrant_auth_failures_total", "denied"); got != 4 {
		t.Errorf("requests without rights: got %v, want 4", got)
	}
}

// headOfCall is a signed call whose body does not arrive.
func headOfCall(t *testing.T, id, operation string) string {
	t.Helper()
	return strings.TrimRight(signedCall(t, id, testSecret, operation, strings.Repeat("x", 290_000)), "x")
}

// An operation on streams that the sender may do on none is refused before its body is there; one that the sender may do on
// some is read.
func TestTheHeadOfAnOperationIsJudgedFirst(t *testing.T) {
	credentials, faults := auth.New(auth.Config{Principals: map[string]auth.PrincipalConfig{
		"reader": {
			AccessKeys: []auth.AccessKey{{ID: "reader", Secret: testSecret}},
			Allow:      []auth.Rule{{Actions: []string{auth.Read}, Streams: []string{"clicks"}}},
		},
	}})
	if faults != nil {
		t.Fatal(faults)
	}
	f := startGuarded(t, &fakeLog{}, auth.NewGuard(credentials), withControl(new(fakeControl)))
	for _, operation := range []string{"CreateDeliveryStream", "DeleteDeliveryStream", "StopDeliveryStreamEncryption"} {
		c := f.dial()
		c.send(headOfCall(t, "reader", operation), strings.Repeat("x", 8<<10))
		if got := c.receive(); !strings.Contains(got.body, "AccessDeniedException") {
			t.Errorf("%s: got %s", operation, got.body)
		}
	}
	f.dial().want(200, "did", signedCall(t, "reader", testSecret, "DescribeDeliveryStream", `{"DeliveryStreamName":"clicks"}`))
}

// Two principals with one idempotency key never meet, also when the key is AWS's unsigned one.
func TestKeysBelongToPrincipals(t *testing.T) {
	keys := map[buffer.KeyID]bool{}
	log := &fakeLog{before: func(_ context.Context, b buffer.Batch) error {
		keys[b.Key.ID] = true
		return nil
	}}
	principals := map[string]auth.PrincipalConfig{}
	for _, name := range []string{"a", "b"} {
		principals[name] = auth.PrincipalConfig{
			AccessKeys: []auth.AccessKey{{ID: name, Secret: testSecret}, {ID: name + "2", Secret: testSecret}},
			Allow:      []auth.Rule{{Actions: []string{"*"}, Streams: []string{"*"}}},
		}
	}
	credentials, faults := auth.New(auth.Config{Principals: principals})
	if faults != nil {
		t.Fatal(faults)
	}
	f := startGuarded(t, log, auth.NewGuard(credentials))
	c := f.dial()
	for _, id := range []string{"a", "a2", "b", "b2"} {
		c.want(200, "RecordId", signedCall(t, id, testSecret, "PutRecord", putABC, "amz-sdk-invocation-id: 1"))
	}
	if len(keys) != 2 || keys[buffer.KeyID{}] {
		t.Errorf("got %d keys, want one a principal", len(keys))
	}
}

// The buffers that bodies are verified in are used again; what is stored is what was signed, and it does not change.
func TestSignedBodiesInPoisonedBuffers(t *testing.T) {
	f, _, _ := startWithCredentials(t, &fakeLog{before: holdViews(t)})
	done := make(chan struct{})
	for worker := range 4 {
		go func() {
			defer func() { done <- struct{}{} }()
			c := f.dial()
			for i := range 50 {
				record := fmt.Sprintf("%d/%d %s", worker, i, strings.Repeat("x", i*10))
				body := fmt.Sprintf(`{"DeliveryStreamName":"clicks","Record":{"Data":%q}}`, encode(record))
				if got := c.do(signedCall(t, "web", testSecret, "PutRecord", body)); got.StatusCode != 200 {
					t.Errorf("got %d %s", got.StatusCode, got.body)
				}
			}
		}()
	}
	for range 4 {
		<-done
	}
	stored := f.log.stored()
	slices.Sort(stored)
	if len(slices.Compact(stored)) != 200 {
		t.Errorf("%d different records are stored, want 200", len(stored))
	}
}

// What was signed is the target as it was sent, not as a router may have cleaned it.
func TestTargetAsSent(t *testing.T) {
	f, _, _ := startWithCredentials(t, &fakeLog{})
	const target = "/a%2Fb/../c/./%7Ed?x=1&a=%2B"
	r, err := http.NewRequest(http.MethodPost, "http://hydrant"+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	request := signedRequest(t, r, "web", testSecret, "PutRecord", putABC)
	f.wantAnswer(strings.Replace(request, "POST / ", "POST "+r.URL.RequestURI()+" ", 1), "", 200)
	f.wantAnswer(strings.Replace(request, "POST / ", "POST /a%2Fb/../c/%7Ed?"+r.URL.RawQuery+" ", 1), "InvalidSignatureException", 400)
}

// A signed length cannot be exchanged for chunks, whatever is in them.
func TestSignedLength(t *testing.T) {
	f, _, _ := startWithCredentials(t, &fakeLog{})
	for _, sent := range []string{putABC, putABC + " "} {
		head, _, _ := strings.Cut(signedCall(t, "web", testSecret, "PutRecord", putABC), "\r\n\r\n")
		if !strings.Contains(head, "SignedHeaders=content-length;") {
			t.Fatalf("the signer has not signed the length: %s", head)
		}
		got := f.dial().do(strings.Replace(head, "Content-Length: "+fmt.Sprint(len(putABC)), "Transfer-Encoding: chunked", 1) + "\r\n\r\n" + chunked(sent, 7))
		if got.StatusCode != 400 || !strings.Contains(got.body, "IncompleteSignatureException") {
			t.Errorf("got %d %s, want the signed length to be missed", got.StatusCode, got.body)
		}
	}
}
