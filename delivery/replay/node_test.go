package replay

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// A node is waited for as it asks, and asked again under the same key when its answer is lost. Only a definite no ends it.
func TestSend(t *testing.T) {
	const receipt = `{"records":2,"sequence":"0/1-2","duplicate":true}`
	for name, c := range map[string]struct {
		answers   []int // before the last one
		body      string
		status    int
		err       string
		ofRecords bool
	}{
		"at once":        {nil, receipt, 200, "", false},
		"busy":           {[]int{429, 503}, receipt, 200, "", false},
		"broken":         {[]int{500, 0, 502}, receipt, 200, "", false},
		"bad record":     {[]int{503}, `{"code":"invalid_record","detail":"it is no JSON"}`, 400, "it is no JSON (invalid_record, status 400)", true},
		"too large":      {nil, "<html>", 413, "the answer is no node's", true},
		"no stream":      {nil, `{"code":"stream_not_found","detail":"none"}`, 404, "none", false},
		"no credentials": {nil, `{"code":"missing_credentials","detail":"none"}`, 401, "none", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keys, at := map[string]bool{}, 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil || !holdsRecords(body, "one", "") {
					t.Errorf("the body is %q, %v", body, err)
				}
				keys[r.Header.Get("Idempotency-Key")+r.Header.Get("Hydrant-Replay")+r.Header.Get("Authorization")+r.URL.Path] = true
				if at++; at > len(c.answers) {
					w.WriteHeader(c.status)
					_, _ = io.WriteString(w, c.body) // the client tells what it missed
					return
				}
				if c.answers[at-1] == 0 {
					panic(http.ErrAbortHandler)
				}
				w.Header().Set("Retry-After", "1")
				w.WriteHeader(c.answers[at-1])
			}))
			defer server.Close()
			n := Node{URL: server.URL + "/", Stream: "clicks", APIKey: "secret"}
			known, err := n.send(t.Context(), "k", []record{{data: []byte("one")}, {data: nil}})
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) || known != (err == nil) {
				t.Errorf("got %v, %v, want %s", known, err, c.err)
			}
			var refusal *Refusal
			if errors.As(err, &refusal) && refusal.ofRecords() != c.ofRecords {
				t.Errorf("the records are to blame: got %v", refusal.ofRecords())
			}
			if len(keys) != 1 || !keys["ktrueBearer secret/v1/streams/clicks/records"] || at != len(c.answers)+1 {
				t.Errorf("%d requests: %v", at, keys)
			}
		})
	}
}

// holdsRecords reads a RecordBatch with two records.
func holdsRecords(body []byte, want ...string) bool {
	for _, one := range want {
		_, _, n := protowire.ConsumeField(body)
		if n < 0 {
			return false
		}
		_, _, tag := protowire.ConsumeTag(body)
		message, _ := protowire.ConsumeBytes(body[tag:])
		_, _, tag = protowire.ConsumeTag(message)
		data, _ := protowire.ConsumeBytes(message[tag:])
		if string(data) != one {
			return false
		}
		body = body[n:]
	}
	return len(body) == 0
}
