package gateway

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"hydrant/gateway/auth"
	"hydrant/gateway/ingest"
)

// fakeControl answers with what it was asked, or refuses.
type fakeControl struct {
	calls  atomic.Int64
	refuse error
}

func (c *fakeControl) Account() string { return "123456789012" }

func (c *fakeControl) Call(_ context.Context, operation string, body []byte, by ingest.Caller) ([]byte, error) {
	c.calls.Add(1)
	if err := by.May("clicks"); err != nil {
		return nil, err
	}
	if c.refuse != nil {
		return nil, c.refuse
	}
	if by.Retries() {
		return []byte(`{"again":true}`), nil
	}
	return fmt.Appendf(nil, `{"did":%q,"with":%s,"some":%t,"other":%t}`, operation, body, by.MaySome() == nil, by.MaySee("other")), nil
}

func withControl(c *fakeControl) func(*Deps) { return func(d *Deps) { d.Control = c } }

// Operations on streams are the control plane's, in the same envelope as the rest; puts are not.
func TestOperationsOnStreams(t *testing.T) {
	control := &fakeControl{}
	f := startGuarded(t, &fakeLog{}, nil, withControl(control))
	c := f.dial()
	for _, operation := range auth.Actions[auth.Manage] {
		got := c.do(call(operation, `{"a":1}`))
		if want := fmt.Sprintf(`{"did":%q,"with":{"a":1},"some":true,"other":true}`, operation); got.StatusCode != 200 || got.body != want {
			t.Errorf("got %d %s, want %s", got.StatusCode, got.body, want)
		}
		if got.Header.Get("Content-Type") != "application/x-amz-json-1.1" || len(got.Header.Get("x-amzn-RequestId")) != 36 {
			t.Errorf("got headers %v", got.Header)
		}
	}
	for code, exception := range map[ingest.Code]string{
		ingest.InvalidArgument: "InvalidArgumentException", ingest.StreamInUse: "ResourceInUseException",
		ingest.VersionConflict: "ConcurrentModificationException", ingest.LimitExceeded: "LimitExceededException",
		ingest.StreamNotFound: "ResourceNotFoundException", ingest.Validation: "ValidationException",
	} {
		control.refuse = &ingest.Error{Code: code, Detail: "because"}
		wantException(t, c.do(call("CreateDeliveryStream", `{}`)), 400, exception, "because")
	}
	control.refuse = nil
	for header, again := range map[string]bool{
		"attempt=1": false, "attempt=2; max=3": true, "ttl=20261127T061502Z; attempt=3; max=5": true, "max=3;attempt=2": true,
		"attempt=0": false, "attempt=x": false, "attempt=-2": false, "max=2": false, "": false,
	} {
		if got := c.do(call("CreateDeliveryStream", `{}`, "amz-sdk-request: "+header)); (got.body == `{"again":true}`) != again {
			t.Errorf("%q: got %s, want a retry: %t", header, got.body, again)
		}
	}
	calls := control.calls.Load()
	wantException(t, c.do(call("CreateDeliveryStream", `{}`, "Content-Encoding: gzip")), 415, "UnsupportedMediaTypeException",
		`Content-Encoding "gzip" is not supported; send the body as it is (identity)`)
	wantException(t, c.do(call("ListDeliveryStreams", "")), 400, "SerializationException",
		"the request has no body; send a JSON object, {} where nothing is to be said")
	wantException(t, c.do(putBatch("none", "a")), 400, "ResourceNotFoundException", "Firehose none not found under account 123456789012.")
	wantException(t, c.do(call("Nonsense", `{}`)), 400, "UnknownOperationException", "X-Amz-Target names no operation of Firehose_20150804.")
	if got := control.calls.Load(); got != calls {
		t.Errorf("the control plane was asked %d times for what is not its own", got-calls)
	}
}

// Nobody reaches the control plane without a signature, and the rights are those of the operation and the stream.
func TestRightsOnStreams(t *testing.T) {
	key := func(id string) []auth.AccessKey { return []auth.AccessKey{{ID: id, Secret: testSecret}} }
	rule := func(action string) []auth.Rule {
		return []auth.Rule{{Actions: []string{action}, Streams: []string{"clicks"}}}
	}
	credentials, faults := auth.New(auth.Config{Principals: map[string]auth.PrincipalConfig{
		"putter":  {AccessKeys: key("putter"), Allow: rule(auth.Put)},
		"reader":  {AccessKeys: key("reader"), Allow: rule(auth.Read)},
		"manager": {AccessKeys: key("manager"), Allow: rule(auth.Manage)},
	}})
	if faults != nil {
		t.Fatal(faults)
	}
	control := &fakeControl{}
	f := startGuarded(t, &fakeLog{}, auth.NewGuard(credentials), withControl(control))
	c := f.dial()
	for _, x := range []struct {
		id, operation string
		allowed       bool
	}{
		{"putter", "DescribeDeliveryStream", false},
		{"putter", "CreateDeliveryStream", false},
		{"reader", "DescribeDeliveryStream", true},
		{"reader", "DeleteDeliveryStream", false},
		{"manager", "DescribeDeliveryStream", true},
		{"manager", "DeleteDeliveryStream", true},
		{"manager", "PutRecord", false},
	} {
		got := c.do(signedCall(t, x.id, testSecret, x.operation, `{"DeliveryStreamName":"clicks","Record":{"Data":""}}`))
		if allowed := got.StatusCode == 200; allowed != x.allowed {
			t.Errorf("%s, %s: got %d %s", x.id, x.operation, got.StatusCode, got.body)
		}
		if x.allowed != (got.Header.Get("x-amzn-ErrorType") != "AccessDeniedException") {
			t.Errorf("%s, %s: got %v", x.id, x.operation, got.Header)
		}
	}
	calls := control.calls.Load()
	if got := c.do(call("ListDeliveryStreams", `{}`)); got.Header.Get("x-amzn-ErrorType") != "MissingAuthenticationTokenException" {
		t.Errorf("unsigned: got %d %s", got.StatusCode, got.body)
	}
	if got := f.dial().do(signedCall(t, "manager", testSecret+"x", "ListDeliveryStreams", `{}`)); got.Header.Get("x-amzn-ErrorType") != "InvalidSignatureException" {
		t.Errorf("with a wrong secret: got %d %s", got.StatusCode, got.body)
	}
	if got := control.calls.Load(); got != calls {
		t.Error("the control plane was reached without credentials")
	}
	if got := f.dial().do(signedCall(t, "reader", testSecret, "ListDeliveryStreams", `{}`)); got.body != `{"did":"ListDeliveryStreams","with":{},"some":true,"other":false}` {
		t.Errorf("got %s", got.body)
	}
}
