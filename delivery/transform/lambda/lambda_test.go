package lambda_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hydrant/delivery/transform"
	"hydrant/delivery/transform/lambda"
	"hydrant/partitioner"
	"hydrant/stream"
)

const arn = "arn:aws:lambda:eu-west-1:123456789012:function:shout:live"

// service speaks Lambda's Invoke API.
func service(t *testing.T, answer http.HandlerFunc) *lambda.Function {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", "k")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "s")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.EscapedPath()
		if !strings.HasPrefix(path, "/2015-03-31/functions/") || !strings.HasSuffix(path, "/invocations") || !strings.Contains(r.URL.Path, "function:shout") {
			t.Errorf("%s %s is no invocation", r.Method, path)
		}
		if !strings.Contains(r.Header.Get("Authorization"), "/eu-west-1/lambda/aws4_request") {
			t.Errorf("signed as %s", r.Header.Get("Authorization"))
		}
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	f, err := lambda.New(t.Context(), stream.Lambda{ARN: arn, Endpoint: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func fault(status int, code string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amzn-ErrorType", code)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"Type":"User","message":"no"}`)
	}
}

func TestCall(t *testing.T) {
	f := service(t, func(w http.ResponseWriter, r *http.Request) {
		var request struct {
			DeliveryStreamArn, Region, InvocationID string
			Records                                 []struct {
				RecordID                    string
				ApproximateArrivalTimestamp int64
				Data                        []byte
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil || request.Region != "eu-west-1" || len(request.InvocationID) != 36 ||
			request.Records[0].ApproximateArrivalTimestamp != 7 || len(request.Records[0].RecordID) != 56 {
			t.Errorf("the request is %+v (%v)", request, err)
		}
		ids := make([]any, 7)
		for i, r := range request.Records {
			ids[i] = r.RecordID
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"records": []map[string]any{
			{"recordId": ids[2], "result": "Dropped"},
			{"recordId": ids[0], "result": "Ok", "data": []byte("A"), "metadata": map[string]any{"partitionKeys": map[string]string{"k": "v"}}},
			{"recordId": ids[3], "result": "ProcessingFailed", "data": []byte("x")},
			{"recordId": ids[4], "result": "Ok", "data": []byte("x")},
			{"recordId": ids[4], "result": "Ok", "data": []byte("x")},
			{"recordId": ids[5], "result": "ok", "data": []byte("x")},
			{"recordId": ids[6], "result": "Ok"},
			{"recordId": "unknown", "result": "Ok", "data": []byte("x")},
		}})
	})
	var records []transform.Record
	for _, data := range []string{"a", "missing", "c", "d", "e", "f", "g"} {
		records = append(records, transform.Record{Data: []byte(data), Raw: []byte(data), Arrival: 7})
	}
	function := transform.Function{Invoker: f, Name: arn, Timeout: time.Minute, Region: "eu-west-1", Stream: "arn:s"}
	got, err := function.Call(t.Context(), records)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"", "Lambda.MissingRecordId", "", "Lambda.ProcessingFailedStatus", "Lambda.DuplicatedRecordId", "Lambda.InvalidResult", "Lambda.JsonProcessingException"}
	for i, o := range got {
		if o.Code != want[i] || o.Result == partitioner.Failed && (o.Function != arn || o.Attempts != 1 || string(o.Raw) != string(records[i].Data)) {
			t.Errorf("record %d: %+v, want %q", i, o, want[i])
		}
	}
	if got[0].Result != partitioner.Passed || string(got[0].Data) != "A" || got[0].Keys[0].Value != "v" || got[2].Result != partitioner.Dropped {
		t.Errorf("got %+v and %+v", got[0], got[2])
	}
}

// What the function itself fails with is tried again as often as it may, and then is error output; an answer that cannot be
// read is not; what is throttled or down is tried until it is not.
func TestErrors(t *testing.T) {
	good := func(w http.ResponseWriter, r *http.Request) {
		var request struct{ Records []struct{ RecordID string } }
		_ = json.NewDecoder(r.Body).Decode(&request)
		_, _ = io.WriteString(w, `{"records":[{"recordId":"`+request.Records[0].RecordID+`","result":"Ok","data":""}]}`)
	}
	for name, c := range map[string]struct {
		answer   http.HandlerFunc
		healAt   int64 // the call from which all is well; 0 for never
		code     string
		attempts int
	}{
		"function error": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
			_, _ = io.WriteString(w, `{"errorMessage":"boom"}`)
		}, 0, "Lambda.FunctionError", 3},
		"function error that heals": {fault(200, ""), 1, "", 0},
		"not JSON":                  {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }, 0, "Lambda.JsonProcessingException", 1},
		"no records":                {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "null") }, 0, "Lambda.JsonProcessingException", 1},
		"too large": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(make([]byte, transform.MaxPayload+1))
		}, 0, "Lambda.ResponseTooLarge", 3},
		"too large, as Lambda says": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
			_, _ = io.WriteString(w, `{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded"}`)
		}, 0, "Lambda.ResponseTooLarge", 3},
		"throttled":   {fault(429, "TooManyRequestsException"), 3, "", 0},
		"down":        {fault(500, "ServiceException"), 3, "", 0},
		"not allowed": {fault(403, "AccessDeniedException"), 2, "", 0},
		"not there":   {fault(404, "ResourceNotFoundException"), 2, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int64
			f := service(t, func(w http.ResponseWriter, r *http.Request) {
				if n := calls.Add(1); c.healAt > 0 && n >= c.healAt {
					good(w, r)
					return
				}
				c.answer(w, r)
			})
			function := transform.Function{Invoker: f, Name: arn, Retries: 2, Timeout: time.Minute}
			got, err := function.Call(t.Context(), []transform.Record{{Data: []byte("a"), Raw: []byte("a")}})
			if err != nil {
				t.Fatal(err)
			}
			if got[0].Code != c.code || got[0].Attempts != c.attempts {
				t.Errorf("after %d calls: %+v, want %q after %d attempts", calls.Load(), got[0], c.code, c.attempts)
			}
		})
	}
}

// The credentials that clouds keep at link-local addresses are not for whoever writes a definition, nor for a service that
// sends its clients there.
func TestLinkLocalEndpointsAreNotCalled(t *testing.T) {
	refused := func(f *lambda.Function, why string) {
		t.Helper()
		_, err := f.Invoke(t.Context(), []byte("{}"))
		var known *transform.Error
		if !errors.As(err, &known) || known.Class != transform.Held || !strings.Contains(err.Error(), why) {
			t.Errorf("got %v, want %s", err, why)
		}
	}
	refused(service(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://169.254.169.254"+r.URL.Path, http.StatusTemporaryRedirect)
	}), "307")
	for _, address := range []string{"http://169.254.169.254", "http://[fe80::1]", "http://100.100.100.200"} {
		f, err := lambda.New(t.Context(), stream.Lambda{ARN: arn, Endpoint: address})
		if err != nil {
			t.Fatal(err)
		}
		refused(f, "link-local")
	}
}
