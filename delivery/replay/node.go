package replay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// Node is the stream of a running node that records go to, by the native API.
type Node struct {
	URL    string // of the listener for producers
	Stream string
	APIKey string // empty where the node asks for none

	// Client sends the requests; nil means http.DefaultClient.
	Client *http.Client

	// Waiting is told why the node takes nothing now, and "" when it does again. It may be nil.
	Waiting func(why string)
}

// A Refusal is a node's definite no, which the same request will get again.
type Refusal struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("%s (%s, status %d)", r.Detail, r.Code, r.Status)
}

// ofRecords says that the records are to blame, or their number, and not the request.
func (r *Refusal) ofRecords() bool {
	switch r.Code {
	case "invalid_record", "record_too_large", "too_many_records", "body_too_large", "decompressed_too_large":
		return true
	}
	return r.Code == "" && r.Status == http.StatusRequestEntityTooLarge // of a proxy in between
}

const (
	attemptTimeout = time.Minute
	patience       = 5 * time.Minute // without knowing whether the records were stored: within the Window
)

// send returns when the node has acknowledged the records: those stored before under the same key are acknowledged too,
// and duplicate says so. It waits as long as the node asks to, without end, and tries again for a while what has no
// answer. Errors: *Refusal; any other leaves open whether the records were stored.
func (n *Node) send(ctx context.Context, key string, records []record) (duplicate bool, err error) {
	body := encode(records)
	defer n.waiting("")
	var doubt time.Time // since when the outcome is not known; zero while it is
	for attempt := 0; ; attempt++ {
		answer, err := n.attempt(ctx, key, body)
		if err == nil && answer.status == http.StatusOK {
			return answer.duplicate, nil
		}
		wait := answer.wait
		switch {
		case ctx.Err() != nil:
			return false, ctx.Err()
		case err != nil || answer.isUnknown():
			if doubt.IsZero() {
				doubt = time.Now()
			}
			wait = max(wait, backoff(attempt))
			if err == nil {
				err = answer.refusal
			}
		case wait > 0:
			err = answer.refusal
		default:
			return false, answer.refusal
		}
		if !doubt.IsZero() && time.Since(doubt)+wait > patience {
			return false, fmt.Errorf("no answer that says whether the records are stored: %w: run the same command again within %v, so that "+
				"what was stored is known", err, Window-patience)
		}
		n.waiting(err.Error())
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(wait):
		}
	}
}

func (n *Node) waiting(why string) {
	if n.Waiting != nil {
		n.Waiting(why)
	}
}

// answer is what came of one attempt.
type answer struct {
	status    int
	duplicate bool
	refusal   *Refusal      // unless the status is 200
	wait      time.Duration // that the node asks for; 0 if another attempt is of no use
}

// isUnknown says that the records may be stored: what a node or a proxy answers when something broke.
func (a answer) isUnknown() bool { return a.status >= 500 && a.status != http.StatusServiceUnavailable }

func (n *Node) attempt(ctx context.Context, key string, body []byte) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	address := strings.TrimSuffix(n.URL, "/") + "/v1/streams/" + url.PathEscape(n.Stream) + "/records"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Content-Type", "application/x-protobuf")
	request.Header.Set("Idempotency-Key", key)
	request.Header.Set("Hydrant-Replay", "true")
	if n.APIKey != "" {
		request.Header.Set("Authorization", "Bearer "+n.APIKey)
	}
	client := n.Client
	if client == nil {
		client = http.DefaultClient
	}
	response, err := client.Do(request)
	if err != nil {
		return answer{}, err
	}
	const longest = 1 << 20 // far above what a node answers
	text, err := io.ReadAll(io.LimitReader(response.Body, longest))
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return answer{}, err
	}
	return judge(response, text)
}

func judge(response *http.Response, text []byte) (answer, error) {
	a := answer{status: response.StatusCode}
	if a.status == http.StatusOK {
		var receipt struct {
			Records   int64 `json:"records"`
			Duplicate bool  `json:"duplicate"`
		}
		if err := json.Unmarshal(text, &receipt); err != nil || receipt.Records == 0 {
			return answer{}, fmt.Errorf("the answer is no node's: %.200q", text)
		}
		a.duplicate = receipt.Duplicate
		return a, nil
	}
	a.refusal = &Refusal{}
	if err := json.Unmarshal(text, a.refusal); err != nil || a.refusal.Code == "" {
		a.refusal = &Refusal{Detail: fmt.Sprintf("the answer is no node's: %.200q", text)}
	}
	a.refusal.Status = a.status
	if a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable {
		a.wait = time.Second
		if seconds, err := strconv.ParseUint(response.Header.Get("Retry-After"), 10, 16); err == nil {
			a.wait = max(a.wait, time.Duration(seconds)*time.Second)
		}
	}
	return a, nil
}

// backoff doubles up to five seconds, with jitter.
func backoff(attempt int) time.Duration {
	const first, longest = 100 * time.Millisecond, 5 * time.Second
	base := min(first<<min(attempt, 10), longest)
	return base/2 + rand.N(base)/2
}

// encode makes a RecordBatch, which keeps any bytes as they are.
func encode(records []record) []byte {
	const recordsField, dataField = 1, 1
	var body []byte
	for _, one := range records {
		size := protowire.SizeTag(dataField) + protowire.SizeBytes(len(one.data))
		body = protowire.AppendTag(body, recordsField, protowire.BytesType)
		body = protowire.AppendVarint(body, uint64(size))
		body = protowire.AppendTag(body, dataField, protowire.BytesType)
		body = protowire.AppendBytes(body, one.data)
	}
	return body
}
