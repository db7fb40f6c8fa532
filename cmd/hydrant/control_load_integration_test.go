//go:build integration

package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"

	"hydrant/buffer/keyring"
)

// bucketsConfig is of a node that takes streams through the API into directories, and has one of its own, plain, for
// which there are several definitions.
func bucketsConfig(dir string, variant int) string {
	return fmt.Sprintf(`
data_dir: %[1]s/data
buffer: {max_disk: 1GiB}
api_streams: {directory: %[1]s/buckets}
streams:
  plain:
    buffering: {size: %[2]dMiB, interval: 1s}
    destination: {directory: {path: %[1]s/objects}}
`, dir, 1+variant%4)
}

func creationOf(name string) *firehose.CreateDeliveryStreamInput {
	return &firehose.CreateDeliveryStreamInput{
		DeliveryStreamName: &name,
		ExtendedS3DestinationConfiguration: &types.ExtendedS3DestinationConfiguration{
			RoleARN: aws.String("arn:aws:iam::123456789012:role/delivery"), BucketARN: aws.String("arn:aws:s3:::" + name),
			BufferingHints: &types.BufferingHints{SizeInMBs: aws.Int32(1), IntervalInSeconds: aws.Int32(1)},
		},
	}
}

func updateOf(name string, version int, change *types.ExtendedS3DestinationUpdate) *firehose.UpdateDestinationInput {
	return &firehose.UpdateDestinationInput{
		DeliveryStreamName: &name, CurrentDeliveryStreamVersionId: aws.String(fmt.Sprint(version)),
		DestinationId: aws.String("destinationId-000000000001"), ExtendedS3DestinationUpdate: change,
	}
}

// Forty updates under load, while the file is reloaded and another stream comes and goes: nothing acknowledged is lost or
// doubled, and no request is refused.
func TestUpdatesUnderLoad(t *testing.T) {
	dir := t.TempDir()
	p := startIn(t, dir, bucketsConfig(dir, 0))
	client := operator(p.url)
	_, err := client.CreateDeliveryStream(t.Context(), creationOf("crash"))
	must(t, err)
	ledger := filepath.Join(dir, "ledger")
	var load sync.WaitGroup
	var loadErr error
	load.Go(func() {
		_, loadErr = runHydrant(t.Context(), t, nil, "bench", "--url", p.url, "--api", "firehose", "--stream", "crash", "--ledger", ledger,
			"--connections", "8", "--batch", "20", "--keys", "5", "--rate", "8000", "--duration", "15s")
	})
	p.eventually("the load has begun", func() bool { return p.metric("hydrant_accepted_records_total") > 1000 })
	formats := []types.CompressionFormat{types.CompressionFormatGzip, types.CompressionFormatUncompressed}
	for i := range 40 {
		_, err := client.UpdateDestination(t.Context(), updateOf("crash", 1+i, &types.ExtendedS3DestinationUpdate{
			Prefix: aws.String(fmt.Sprintf("v%d/", i%3)), CompressionFormat: formats[i%2],
			BufferingHints: &types.BufferingHints{SizeInMBs: aws.Int32(int32(1 + i%4)), IntervalInSeconds: aws.Int32(1)},
		}))
		must(t, err)
		other := fmt.Sprintf("other-%d", i)
		_, err = client.CreateDeliveryStream(t.Context(), creationOf(other))
		must(t, err)
		p.reload(bucketsConfig(dir, i), applied)
		_, err = client.DeleteDeliveryStream(t.Context(), &firehose.DeleteDeliveryStreamInput{DeliveryStreamName: &other})
		must(t, err)
	}
	load.Wait()
	must(t, loadErr)
	if refused := p.metric("hydrant_refused_requests_total"); refused != 0 {
		t.Errorf("%v requests were refused", refused)
	}
	p.delivered()
	if got := *describe(t, client, "crash").VersionId; got != "41" {
		t.Errorf("the version is %s, want 41", got)
	}
	p.stop()
	objects := destinationUnderTest{objects: filepath.Join(dir, "buckets", "crash")}
	out, err := runHydrant(t.Context(), t, nil, "bench", "verify", "--ledger", ledger, "--json", "--dir", objects.objects)
	must(t, err)
	t.Log(out)
}

// A stream that is deleted takes what it held with it, counted, and one that is made again under the name has nothing of
// it; also when the node is killed in between.
func TestDeletedAndMadeAgain(t *testing.T) {
	dir := t.TempDir()
	p := startIn(t, dir, bucketsConfig(dir, 0))
	client := operator(p.url)
	slow := creationOf("s")
	slow.ExtendedS3DestinationConfiguration.BufferingHints.IntervalInSeconds = aws.Int32(900)
	for round := range 3 {
		_, err := client.CreateDeliveryStream(t.Context(), slow)
		must(t, err)
		p.post("s", "application/json", fmt.Sprintf(`[{"old":%d},{"old":true}]`, round))
		_, err = client.DeleteDeliveryStream(t.Context(), &firehose.DeleteDeliveryStreamInput{DeliveryStreamName: aws.String("s")})
		must(t, err)
		if round == 1 {
			p.kill()
			p = p.again()
		}
		awaitGone(t, client, "s")
	}
	if got := p.metric("hydrant_discarded_records_total"); got != 2 && got != 4 { // the kill may come before or after
		t.Errorf("the metric counts %v discarded records since the start", got)
	}
	if got := p.metric("hydrant_pending_records"); got != 0 {
		t.Errorf("%v records are pending", got)
	}
	_, err := client.CreateDeliveryStream(t.Context(), slow)
	must(t, err)
	p.post("s", "application/json", `{"new":1}`)
	out, err := runHydrant(t.Context(), t, nil, "streams", "delete", "s", "--url", p.url)
	must(t, err)
	if out != "stream s is deleted\n" {
		t.Errorf("got %q", out)
	}
	got := rawFiles(t, filepath.Join(dir, "buckets", "s"))
	if len(got) != 1 {
		t.Errorf("got %v, want one object with the new record", got)
	}
	for key, content := range got {
		if content != `{"new":1}` {
			t.Errorf("%s holds %q", key, content)
		}
	}
	p.stop()
}

// kill -9 while streams are made, changed, tagged and deleted: what was answered is so after the next start.
func TestControlPlaneSurvivesKills(t *testing.T) {
	dir := t.TempDir()
	p := startIn(t, dir, bucketsConfig(dir, 0))
	want := map[string]int{} // the version of each stream that is surely there
	unsure := map[string]bool{}
	for life := range 6 {
		client := operator(p.url)
		for name, version := range want {
			if got := *describe(t, client, name).VersionId; got != fmt.Sprint(version) && (!unsure[name] || got != fmt.Sprint(version+1)) {
				t.Errorf("life %d: stream %s has version %s, want %d", life, name, got, version)
			} else if got != fmt.Sprint(version) {
				want[name]++
			}
		}
		clear(unsure)
		begun, killed := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(killed)
			if life == 0 {
				<-begun // one is there then that no kill takes away
			}
			<-time.After(time.Duration(100+rand.IntN(400)) * time.Millisecond) // whenever: nothing is expected of the moment
			p.kill()
		}()
		changeUntilKilled(t, client, life, want, unsure, begun)
		<-killed
		p = p.again()
	}
	client := operator(p.url)
	for name := range want {
		p.post(name, "application/json", fmt.Sprintf(`{"stream":%q}`, name))
	}
	p.delivered()
	for name := range want {
		content := ""
		for _, object := range rawFiles(t, filepath.Join(dir, "buckets", name)) {
			content += object
		}
		if content != fmt.Sprintf(`{"stream":%q}`, name) {
			t.Errorf("stream %s holds %q", name, content)
		}
		describe(t, client, name)
	}
	if len(want) == 0 {
		t.Error("no stream was made")
	}
	t.Logf("%d streams at the end", len(want))
	p.stop()
}

// changeUntilKilled makes changes until one fails, and keeps what was answered. It closes begun when there is a stream that it
// will not delete, and if a change fails before.
func changeUntilKilled(t *testing.T, client *firehose.Client, life int, want map[string]int, unsure map[string]bool, begun chan struct{}) {
	begin := sync.OnceFunc(func() { close(begun) })
	defer begin()
	for i := 0; ; i++ {
		name := fmt.Sprintf("s-%d-%d", life, i)
		if _, err := client.CreateDeliveryStream(t.Context(), creationOf(name)); err != nil {
			return
		}
		want[name], unsure[name] = 1, true
		if _, err := client.UpdateDestination(t.Context(), updateOf(name, 1, &types.ExtendedS3DestinationUpdate{Prefix: aws.String("p/")})); err != nil {
			return
		}
		want[name] = 2
		delete(unsure, name)
		if i%2 == 1 {
			begin()
			continue
		}
		delete(want, name) // whatever becomes of the call
		if _, err := client.DeleteDeliveryStream(t.Context(), &firehose.DeleteDeliveryStreamInput{DeliveryStreamName: &name}); err != nil {
			return
		}
	}
}

// The commands print tables for people and JSON for programs, and tell a refusal as it is.
func TestStreamsCommand(t *testing.T) {
	dir := t.TempDir()
	key := filepath.Join(dir, "master.key")
	must(t, os.WriteFile(key, []byte(keyring.NewMasterKey()), 0o600))
	p := startIn(t, dir, bucketsConfig(dir, 0), "HYDRANT_ENCRYPTION_KEY_FILE="+key)
	hydrant := func(want string, arguments ...string) {
		t.Helper()
		out, err := runHydrant(t.Context(), t, clientEnvironment, append([]string{"streams"}, append(arguments, "--url", p.url)...)...)
		if err != nil {
			out = err.Error()
		}
		if !strings.Contains(strings.Join(strings.Fields(out), " "), want) {
			t.Errorf("streams %v: got\n%s\nwant %s", arguments, out, want)
		}
	}
	file := filepath.Join(dir, "input.json")
	must(t, os.WriteFile(file, []byte(`{"S3DestinationConfiguration":{"RoleARN":"arn:aws:iam::123456789012:role/r","BucketARN":"arn:aws:s3:::lake"}}`), 0o600))
	hydrant("arn:aws:firehose:us-east-1:000000000000:deliverystream/made", "create", "made", "--bucket", "lake", "--format", "GZIP", "--interval", "60", "--tag", "team=web")
	hydrant(`"DeliveryStreamARN": "arn:aws:firehose:us-east-1:000000000000:deliverystream/filed"`, "create", "filed", "--file", file, "--json")
	hydrant("already exists. (ResourceInUseException)", "create", "made", "--bucket", "lake")
	hydrant("bucket: name the bucket", "create", "x")
	hydrant("made ACTIVE 1 API lake 5MiB, 60s GZIP plain ACTIVE 1 configuration objects 1MiB, 1s GZIP plain/!{timestamp:yyyy/MM/dd/HH}/", "list")
	hydrant(`"DeliveryStreamName": "plain"`, "list", "--json")
	hydrant("owner API bucket lake sealed at 5 MiB or 60 s format GZIP role arn:aws:iam::000000000000:role/hydrant tags team=web", "describe", "made")
	hydrant(`"VersionId": "1"`, "describe", "made", "--json")
	hydrant("stream made has version 2", "update", "made", "--prefix", "p/", "--extension", ".json", "--size", "7")
	hydrant(`"VersionId": "3"`, "update", "made", "--format", "GZIP", "--json")
	hydrant("prefix p/ sealed at 7 MiB or 60 s format GZIP file extension .json", "describe", "made")
	hydrant("nothing to change is named", "update", "made")
	hydrant("env=test", "tag", "made", "env=test", "--remove", "team")
	hydrant("not found under account 000000000000. (ResourceNotFoundException)", "describe", "none")
	hydrant("changes only there", "delete", "plain")
	for operation, mistake := range map[string]string{
		"create": `{"ExtendedS3DestinationConfiguration":{"BufferHints":{"SizeInMBs":9}}}`, "update": `{"ExtendedS3DestinationUpdate":{"BufferHints":{"SizeInMBs":9}}}`,
	} {
		must(t, os.WriteFile(file, []byte(mistake), 0o600))
		hydrant(`.BufferHints: unknown key; did you mean "BufferingHints"?`, operation, "made", "--file", file)
	}
	must(t, os.WriteFile(file, []byte(`{"ExtendedS3DestinationUpdate":{"ProcessingConfiguration":{"Enabled":true,"Processors":[{"Type":"AppendDelimiterToRecord"}]}}}`), 0o600))
	hydrant("stream made has version 4", "update", "made", "--file", file)
	described, err := runHydrant(t.Context(), t, clientEnvironment, "streams", "describe", "made", "--json", "--url", p.url)
	must(t, err)
	must(t, os.WriteFile(file, []byte(described), 0o600))
	tried, err := runHydrant(t.Context(), t, clientEnvironment, "try", "--file", file, "--arrival", "2026-07-13T14:05:06Z", file)
	if err != nil || !strings.HasPrefix(tried, "1  p/2026/07/13/14/made-<version>-2026-07-13-14-05-06-<id>.json\n") {
		t.Errorf("a stream that is described is tried as %v %s", err, tried)
	}
	hydrant("backup-prefix: name the bucket", "update", "made", "--backup-prefix", "raw/")
	hydrant(`log: "errors" is not GROUP:STREAM`, "create", "x", "--bucket", "lake", "--log", "errors")
	hydrant("stream made has version 5", "update", "made", "--backup", "copies", "--backup-prefix", "raw/", "--log", "/firehose/made:delivery")
	hydrant("processing AppendDelimiterToRecord backup copies raw/ log /firehose/made delivery", "describe", "made")
	hydrant("stream made: encryption ENABLED", "encrypt", "made")
	hydrant("encryption ENABLED backup", "describe", "made")
	hydrant(`"Status": "DISABLED"`, "encrypt", "made", "--stop", "--json")
	hydrant("(InvalidKMSResourceException)", "encrypt", "made", "--key", "arn:aws:kms:us-east-1:123456789012:key/k")
	hydrant("deliverystream/second", "create", "second", "--bucket", "lake", "--backup", "copies", "--log", "g:s", "--encrypt", "node")
	hydrant("encryption ENABLED backup copies log g s", "describe", "second")
	hydrant(`{ "Deleted": true, "DeliveryStreamName": "second" }`, "delete", "second", "--json")
	hydrant("stream made is deleted", "delete", "made", "--force")
	p.stop()
	hydrant("is the node running there?", "list")
}
