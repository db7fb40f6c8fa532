//go:build integration

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"
)

// A retrier makes calls one after the other through an endpoint that loses answers, and tries again by itself. It
// returns the records that it was told are safe, each of them different.
type retrier func(t *testing.T, endpoint, name string, calls int) []string

var retriers = map[string]retrier{
	"boto3 legacy":   boto3Retrier("legacy"),
	"boto3 standard": boto3Retrier("standard"),
	"SDK for Go":     goRetrier,
	"SDK for JS":     jsRetrier,
	"native":         nativeRetrier,
}

const botoRetryScript = `
import sys, boto3
from botocore.config import Config
endpoint, name, calls, mode = sys.argv[1:5]
firehose = boto3.client("firehose", endpoint_url=endpoint, config=Config(retries={"mode": mode}))
ids, lines = set(), []
for call in range(int(calls)):
    data = [b'{"%s":"%d/%d"}' % (name.encode(), call, n) for n in range(3)]
    if call % 2:
        answer = firehose.put_record_batch(DeliveryStreamName="plain", Records=[{"Data": d} for d in data])
        assert answer["FailedPutCount"] == 0, answer
        ids.update(r["RecordId"] for r in answer["RequestResponses"])
    else:
        data = data[:1]
        ids.add(firehose.put_record(DeliveryStreamName="plain", Record={"Data": data[0]})["RecordId"])
    lines += [d.decode() for d in data]
assert len(ids) == len(lines), (ids, lines)
print("\n".join(lines))
`

func boto3Retrier(mode string) retrier {
	return func(t *testing.T, endpoint, name string, calls int) []string {
		out := command(t, botoRetryScript, "python3", "-", endpoint, name, fmt.Sprint(calls), mode)
		return strings.Fields(out)
	}
}

const jsRetryScript = `
const [endpoint, name, calls, sdk] = process.argv.slice(2);
const { FirehoseClient, PutRecordCommand, PutRecordBatchCommand } = require(sdk);
const firehose = new FirehoseClient({ endpoint, region: "us-east-1" });
async function main() {
  const lines = [];
  for (let call = 0; call < Number(calls); call++) {
    const data = [0, 1, 2].map((n) => JSON.stringify({ [name]: call + "/" + n })), bytes = (text) => new TextEncoder().encode(text);
    if (call % 2) {
      const answer = await firehose.send(new PutRecordBatchCommand({ DeliveryStreamName: "plain", Records: data.map((d) => ({ Data: bytes(d) })) }));
      if (answer.FailedPutCount !== 0) throw new Error(JSON.stringify(answer));
    } else {
      data.length = 1;
      await firehose.send(new PutRecordCommand({ DeliveryStreamName: "plain", Record: { Data: bytes(data[0]) } }));
    }
    lines.push(...data);
  }
  console.log(lines.join("\n"));
}
main().catch((e) => { console.error(e); process.exit(1); });
`

func jsRetrier(t *testing.T, endpoint, name string, calls int) []string {
	return strings.Fields(command(t, jsRetryScript, "node", "-", endpoint, name, fmt.Sprint(calls), sdkForJS(t)))
}

func goRetrier(t *testing.T, endpoint, name string, calls int) []string {
	client := firehose.New(firehose.Options{
		Region:       "us-east-1",
		BaseEndpoint: aws.String(endpoint),
		Credentials:  credentials.NewStaticCredentialsProvider("any", "any", ""),
	})
	var sent []string
	for call := range calls {
		lines := threeLines(name, call)
		stream := aws.String("plain")
		var err error
		if call%2 == 0 {
			lines = lines[:1]
			_, err = client.PutRecord(t.Context(), &firehose.PutRecordInput{DeliveryStreamName: stream, Record: &types.Record{Data: []byte(lines[0])}})
		} else {
			input := &firehose.PutRecordBatchInput{DeliveryStreamName: stream}
			for _, line := range lines {
				input.Records = append(input.Records, types.Record{Data: []byte(line)})
			}
			_, err = client.PutRecordBatch(t.Context(), input)
		}
		if err != nil {
			t.Error(err)
			return sent
		}
		sent = append(sent, lines...)
	}
	return sent
}

func threeLines(name string, call int) []string {
	var lines []string
	for n := range 3 {
		lines = append(lines, fmt.Sprintf(`{%q:"%d/%d"}`, name, call, n))
	}
	return lines
}

func nativeRetrier(t *testing.T, endpoint, name string, calls int) []string {
	var sent []string
	for call := range calls {
		lines := threeLines(name, call)
		if err := postUntilSafe(t.Context(), endpoint, fmt.Sprint(name, call), strings.Join(lines, "\n")); err != nil {
			t.Error(err)
			return sent
		}
		sent = append(sent, lines...)
	}
	return sent
}

// postUntilSafe sends lines under a key until that is answered with 200.
func postUntilSafe(ctx context.Context, endpoint, key, lines string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	for {
		status, body, err := postOnce(ctx, endpoint, "plain", key, lines)
		switch {
		case status == http.StatusOK:
			return nil
		case status >= 400 && status < 500:
			return fmt.Errorf("%d: %s", status, body)
		}
		select {
		case <-time.After(10 * time.Millisecond): // as a client waits between two attempts
		case <-ctx.Done():
			return fmt.Errorf("not within five minutes; the last attempt got %d %s, error %w", status, body, err)
		}
	}
}

func postOnce(ctx context.Context, endpoint, stream, key, lines string) (int, string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint+"/v1/streams/"+stream+"/records", strings.NewReader(lines))
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("Content-Type", "application/x-ndjson")
	r.Header.Set("Idempotency-Key", key)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(body), err
}

// wantOnce compares what was delivered with what clients were told is safe.
func wantOnce(t *testing.T, objects string, want []string) {
	t.Helper()
	delivered := map[string]int{}
	for _, content := range files(t, objects) {
		for line := range strings.Lines(content) {
			delivered[strings.TrimSuffix(line, "\n")]++
		}
	}
	for _, line := range want {
		if n := delivered[line]; n != 1 {
			t.Errorf("%s was delivered %d times, want once", line, n)
		}
		delete(delivered, line)
	}
	for line, n := range delivered {
		t.Errorf("%s was delivered %d times, and nobody was told so", line, n)
	}
}

// Answers get lost, clients try again by themselves, and each record is delivered once.
func TestRetriesDoNotDuplicate(t *testing.T) {
	dir := t.TempDir()
	d := directoryDestination(t)
	p := startIn(t, dir, clientConfig(dir, d.yaml))
	const calls = 20
	var mu sync.Mutex
	var want []string
	lost := 0
	t.Run("clients", func(t *testing.T) {
		for name, run := range retriers {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				proxy := startProxy(t, p.url, everyThird)
				sent := run(t, proxy.URL, strings.ReplaceAll(name, " ", "-"), calls)
				if n := proxy.losses(); n < calls/3 {
					t.Errorf("%d answers were lost, which proves little", n)
				}
				mu.Lock()
				defer mu.Unlock()
				want, lost = append(want, sent...), lost+proxy.losses()
			})
		}
	})
	p.delivered()
	if got := p.metric("hydrant_duplicate_requests_total"); got != float64(lost) {
		t.Errorf("%v duplicate requests were counted, %d answers were lost", got, lost)
	}
	if got := p.metric("hydrant_idempotency_keys"); got != float64(calls*len(retriers)) {
		t.Errorf("%v keys are remembered, want one a call, %d", got, calls*len(retriers))
	}
	p.stop()
	wantOnce(t, d.objects, want)
	t.Logf("%d records, %d lost answers", len(want), lost)
}

// The node is killed after it has stored a request and before the client has the answer. It comes back on its port, and
// the client's retry is answered from what survived.
func TestKillBetweenRequestAndAnswer(t *testing.T) {
	for name, run := range retriers {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			d := directoryDestination(t)
			p := startIn(t, dir, clientConfig(dir, d.yaml))
			stored, back := make(chan bool), make(chan bool)
			proxy := startProxy(t, p.url, func(call, attempt int) loss {
				if call != 1 || attempt > 0 {
					return nil
				}
				return func(w http.ResponseWriter) {
					close(stored)
					<-back
					closed(w)
				}
			})
			sent := make(chan []string, 1)
			go func() { sent <- run(t, proxy.URL, "k", 3) }()
			<-stored
			p.kill()
			p = p.again()
			close(back)
			want := <-sent
			p.delivered()
			if got := p.metric("hydrant_duplicate_requests_total"); got != 1 {
				t.Errorf("%v duplicate requests were counted after the restart, want 1", got)
			}
			p.stop()
			wantOnce(t, d.objects, want)
		})
	}
}

// kill -9 at random moments under load, the node back on its port each time, clients that try until they are answered:
// whatever stage a request was in, its records are delivered once.
func TestRetriesAcrossKills(t *testing.T) {
	const clients, requests, kills = 8, 150, 4
	dir := t.TempDir()
	d := directoryDestination(t)
	p := startIn(t, dir, clientConfig(dir, d.yaml))
	var mu sync.Mutex
	var want []string
	answered := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(want)
	}
	var running sync.WaitGroup
	for c := range clients {
		running.Go(func() {
			for n := range requests {
				lines := threeLines(fmt.Sprint("client", c), n)
				if err := postUntilSafe(t.Context(), p.url, fmt.Sprint(c, "-", n), strings.Join(lines, "\n")); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				want = append(want, lines...)
				mu.Unlock()
			}
		})
	}
	node := p
	for k := range kills {
		node.eventually("requests are answered", func() bool { return answered() > (k+1)*3*clients*requests/(kills+2) })
		node.kill()
		node = node.again()
	}
	running.Wait()
	node.delivered()
	node.stop()
	wantOnce(t, d.objects, want)
	t.Logf("%d records over %d kills", len(want), kills)
}
