//go:build integration

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"
)

// fleetStream makes a stream that delivers soon, below a prefix of its name.
func (f *fleetUnderTest) fleetStream(endpoint, name string) {
	f.t.Helper()
	in := creationOf(name)
	in.ExtendedS3DestinationConfiguration.BucketARN = aws.String("arn:aws:s3:::lake")
	in.ExtendedS3DestinationConfiguration.Prefix = aws.String(name + "/")
	_, err := operator(endpoint).CreateDeliveryStream(f.t.Context(), in)
	must(f.t, err)
}

// content is all that was delivered of a stream.
func (f *fleetUnderTest) content(stream string) string {
	f.t.Helper()
	var all strings.Builder
	for _, text := range rawFiles(f.t, filepath.Join(f.store.objects, stream)) {
		all.WriteString(text)
	}
	return all.String()
}

// A stream made on one node takes records through the balancer at once, and is changed and deleted on other ones; every
// node serves the same.
func TestFleetIsOne(t *testing.T) {
	t.Parallel()
	f := startFleet(t)
	var want []string
	for round := range 5 {
		name := fmt.Sprint("s", round)
		f.fleetStream(f.nodes[round%3].url, name)
		balanced := operator(f.url)
		for n := range 20 {
			line := fmt.Sprintf(`{"round":%d,"n":%d}`, round, n)
			_, err := balanced.PutRecord(t.Context(), &firehose.PutRecordInput{DeliveryStreamName: &name, Record: &types.Record{Data: []byte(line)}})
			must(t, err)
			want = append(want, line)
		}
		for i, p := range f.nodes {
			version, err := operator(f.nodes[(i+1)%3].url).DescribeDeliveryStream(t.Context(), &firehose.DescribeDeliveryStreamInput{DeliveryStreamName: &name})
			must(t, err)
			_, err = operator(p.url).UpdateDestination(t.Context(), &firehose.UpdateDestinationInput{
				DeliveryStreamName: &name, CurrentDeliveryStreamVersionId: version.DeliveryStreamDescription.VersionId,
				DestinationId:               aws.String("destinationId-000000000001"),
				ExtendedS3DestinationUpdate: &types.ExtendedS3DestinationUpdate{Prefix: aws.String(fmt.Sprintf("%s/%d/", name, i))},
			})
			must(t, err)
		}
	}
	for _, p := range f.nodes {
		p.eventually("the last change is in force by itself", func() bool { return p.metric("hydrant_definitions_age_seconds") < 3 })
	}
	f.delivered()
	got := ""
	for round := range 5 {
		got += f.content(fmt.Sprint("s", round))
	}
	for _, line := range want {
		if n := strings.Count(got, line); n != 1 {
			t.Errorf("%s is there %d times", line, n)
		}
	}
	f.deletes("s0")
}

// deletes has one node delete a stream that others hold records of: these are given up everywhere, and the name is free.
func (f *fleetUnderTest) deletes(name string) {
	slow := &types.ExtendedS3DestinationUpdate{BufferingHints: &types.BufferingHints{SizeInMBs: aws.Int32(1), IntervalInSeconds: aws.Int32(900)}}
	_, err := operator(f.nodes[0].url).UpdateDestination(f.t.Context(), updateOf(name, 4, slow))
	must(f.t, err)
	describe(f.t, operator(f.nodes[1].url), name)
	describe(f.t, operator(f.nodes[2].url), name)
	for _, p := range f.nodes {
		p.post(name, "application/json", `{"given":"up"}`)
	}
	_, err = operator(f.nodes[1].url).DeleteDeliveryStream(f.t.Context(), &firehose.DeleteDeliveryStreamInput{DeliveryStreamName: &name})
	must(f.t, err)
	began := time.Now()
	for _, p := range f.nodes {
		awaitGone(f.t, operator(p.url), name)
	}
	f.t.Logf("the name is free %v after the deletion", time.Since(began).Round(time.Millisecond))
	if got := f.metric("hydrant_discarded_records_total"); got != 3 {
		f.t.Errorf("%v records are discarded, want 3", got)
	}
	f.fleetStream(f.nodes[2].url, name)
	_, err = operator(f.url).PutRecord(f.t.Context(), &firehose.PutRecordInput{DeliveryStreamName: &name, Record: &types.Record{Data: []byte(`{"a":"new one"}`)}})
	must(f.t, err)
	f.delivered()
	if got := f.content(name); strings.Contains(got, "given") || !strings.Contains(got, "new one") {
		f.t.Errorf("got %s", got)
	}
}

// A node that starts while the store is away serves what it knew, and others' changes when the store is back.
func TestFleetWithoutItsStore(t *testing.T) {
	t.Parallel()
	f := startFleet(t)
	f.fleetStream(f.nodes[0].url, "s")
	describe(t, operator(f.nodes[1].url), "s")
	f.nodes[1].stop()
	f.fleetStream(f.nodes[0].url, "later")
	f.store.server.Stop(t)
	node := f.nodes[1].again()
	node.post("s", "application/json", `{"while":"away"}`)
	if got := *describe(t, operator(node.url), "s").VersionId; got != "1" {
		t.Errorf("got version %s", got)
	}
	client := firehose.New(operator(node.url).Options(), func(o *firehose.Options) { o.Retryer = aws.NopRetryer{} })
	_, err := client.PutRecord(t.Context(), &firehose.PutRecordInput{DeliveryStreamName: aws.String("later"), Record: &types.Record{Data: []byte("x")}})
	if err == nil || !strings.Contains(err.Error(), "ServiceUnavailableException") {
		t.Errorf("a stream that the node cannot know of: %v", err)
	}
	if _, err = client.CreateDeliveryStream(t.Context(), creationOf("none")); err == nil || !strings.Contains(err.Error(), "ServiceUnavailableException") {
		t.Errorf("a creation: %v", err)
	}
	f.store.server.Start(t)
	node.eventually("the node has seen what it missed", func() bool {
		_, err := client.PutRecord(t.Context(), &firehose.PutRecordInput{DeliveryStreamName: aws.String("later"), Record: &types.Record{Data: []byte("x")}})
		return err == nil
	})
	node.delivered()
	if got := f.content("s"); got != `{"while":"away"}` {
		t.Errorf("got %s", got)
	}
}

// sdkLoad are clients of the SDK with its default retries, which send through the balancer until stopped.
type sdkLoad struct {
	t       *testing.T
	stop    atomic.Bool
	running sync.WaitGroup
	mu      sync.Mutex
	want    []string
}

func (f *fleetUnderTest) startSDK(stream string) *sdkLoad {
	l := &sdkLoad{t: f.t}
	for c := range 6 {
		l.running.Go(func() {
			client := operator(f.url)
			for n := 0; !l.stop.Load(); n++ {
				l.send(client, stream, threeLines(fmt.Sprint("c", c), n))
			}
		})
	}
	return l
}

func (l *sdkLoad) send(client *firehose.Client, stream string, lines []string) {
	in := &firehose.PutRecordBatchInput{DeliveryStreamName: &stream}
	for _, line := range lines {
		in.Records = append(in.Records, types.Record{Data: []byte(line + "\n")})
	}
	out, err := client.PutRecordBatch(l.t.Context(), in)
	if err != nil || *out.FailedPutCount != 0 {
		l.t.Errorf("a request failed in spite of the SDK's retries: %v", err)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.want = append(l.want, lines...)
}

func (l *sdkLoad) answered() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.want)
}

// end stops the load and compares: lost are records that were answered and not delivered, doubled those that are there
// more than once.
func (f *fleetUnderTest) end(l *sdkLoad, stream string) (lost, doubled int) {
	f.t.Helper()
	l.stop.Store(true)
	l.running.Wait()
	f.delivered()
	times := map[string]int{}
	for line := range strings.Lines(f.content(stream)) {
		times[strings.TrimSuffix(line, "\n")]++
	}
	for _, line := range l.want {
		if times[line] == 0 {
			lost++
		}
	}
	for _, n := range times {
		if n > 1 {
			doubled += n - 1
		}
	}
	return lost, doubled
}

// restartsUnderLoad takes the nodes away one by one, each when the others serve, while clients of the SDK and the load
// generator send through the balancer; and has the verifier compare.
func restartsUnderLoad(t *testing.T, rounds int, restart func(p *process) *process) (f *fleetUnderTest, lost, doubled, sent int) {
	f = startFleet(t)
	f.fleetStream(f.url, "sdk")
	f.fleetStream(f.url, "bench")
	ledger := filepath.Join(t.TempDir(), "ledger")
	bench := startLoad(&process{t: t, url: f.url, admin: f.nodes[0].admin, ended: f.nodes[0].ended}, "bench", ledger, "--api", "firehose", "--connections", "4", "--batch", "10", "--rate", "2000")
	sdk := f.startSDK("sdk")
	for n := range rounds * len(f.nodes) {
		i, before := n%len(f.nodes), sdk.answered()
		f.nodes[i].eventually("requests are answered", func() bool { return sdk.answered() > before+300 })
		f.nodes[i] = restart(f.nodes[i])
		f.nodes[i].eventually("the balancer sends to it again", func() bool { return f.nodes[i].metric("hydrant_incoming_records_total") > 0 })
	}
	before := sdk.answered()
	f.nodes[0].eventually("requests are answered", func() bool { return sdk.answered() > before+300 })
	bench.stop()
	lost, doubled = f.end(sdk, "sdk")
	out, err := runHydrant(t.Context(), t, f.store.environment, append([]string{"bench", "verify", "--ledger", ledger, "--json"}, f.store.verify...)...)
	must(t, err)
	t.Log(out)
	return f, lost, doubled, len(sdk.want)
}

// A rolling restart under load: no request fails with the SDK's default retries, nothing is lost and nothing doubled.
func TestFleetRollingRestart(t *testing.T) {
	t.Parallel()
	f, lost, doubled, sent := restartsUnderLoad(t, 1, func(p *process) *process {
		p.stop()
		return p.again()
	})
	if lost != 0 || doubled != 0 {
		t.Errorf("%d records are lost and %d doubled, of %d", lost, doubled, sent)
	}
	t.Logf("%d records through a rolling restart, %v retries answered as duplicates", sent, f.metric("hydrant_duplicate_requests_total"))
}

// kill -9 of each node under load: nothing is lost. A call whose node died before its answer is sent again to another node,
// and what the first had stored is doubled then; the count is in docs/fleet.md.
func TestFleetKills(t *testing.T) {
	t.Parallel()
	rounds := 1
	if text := os.Getenv("HYDRANT_TEST_FLEET_ROUNDS"); text != "" {
		var err error
		rounds, err = strconv.Atoi(text)
		must(t, err)
	}
	_, lost, doubled, sent := restartsUnderLoad(t, rounds, func(p *process) *process {
		p.kill()
		return p.again()
	})
	if lost != 0 {
		t.Errorf("%d records are lost, of %d", lost, sent)
	}
	t.Logf("%d records over %d kills, %d of them doubled", sent, 3*rounds, doubled)
}
