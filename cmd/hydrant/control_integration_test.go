//go:build integration

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"

	"hydrant/buffer/keyring"
)

const operatorCredentials = `
principals:
  operator:
    access_keys: [{id: ` + clientKey + `, secret: "` + clientSecret + `"}]
    allow: [{actions: [manage, put], streams: ["*"]}]
  producer:
    access_keys: [{id: PRODUCER, secret: "` + clientSecret + `"}]
    allow: [{actions: [put], streams: ["*"]}]
`

// startControlled starts a node that asks for credentials and takes streams through the API, into a bucket of a real S3
// server. It has one stream of its own, plain.
func startControlled(t *testing.T) (*process, destinationUnderTest) {
	t.Helper()
	d := s3Destination(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "credentials.yaml")
	must(t, os.WriteFile(file, []byte(operatorCredentials), 0o600))
	key := filepath.Join(dir, "master.key")
	must(t, os.WriteFile(key, []byte(keyring.NewMasterKey()), 0o600))
	config := clientConfig(dir, d.yaml) + "encryption: {key_file: " + key + "}\ncredentials: " + file + "\nbuffer: {max_disk: 1GiB}\n" +
		fmt.Sprintf("api_streams: {role: ignore, endpoint: %q, path_style: true}\n", d.server.Endpoint)
	return startIn(t, dir, config, d.environment...), d
}

func operator(endpoint string) *firehose.Client { return firehoseClient(endpoint, clientKey) }

func firehoseClient(endpoint, id string) *firehose.Client {
	return firehose.New(firehose.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(endpoint), Credentials: credentials.NewStaticCredentialsProvider(id, clientSecret, ""),
	})
}

// Real clients, signed, take streams through their whole life; what they send under each definition is delivered as that
// says.
func TestStreamsThroughRealClients(t *testing.T) {
	p, d := startControlled(t)
	for name, live := range map[string]func(t *testing.T, endpoint string){
		"cli": func(t *testing.T, endpoint string) {
			command(t, lifeWithCLI, "bash", "-s", endpoint, d.objects, t.TempDir())
		},
		"boto":  func(t *testing.T, endpoint string) { command(t, lifeWithBoto, "python3", "-", endpoint, d.objects) },
		"gosdk": lifeWithGo,
		"js": func(t *testing.T, endpoint string) {
			command(t, lifeWithJS, "node", "-", endpoint, d.objects, sdkForJS(t))
		},
	} {
		t.Run(name, func(t *testing.T) {
			live(t, p.url)
			got := rawFiles(t, filepath.Join(d.objects, name))
			if len(got) != 2 {
				t.Fatalf("got %d objects, want 2: %v", len(got), got)
			}
			for key, content := range got {
				first := strings.HasPrefix(key, "first") && strings.Contains(key, "/"+name+"-1-") && content == "onetwo"
				second := strings.HasPrefix(key, "second/") && strings.Contains(key, "/"+name+"-2-") && strings.HasSuffix(key, ".gz") && content != "three"
				if !first && !second {
					t.Errorf("%s holds %q", key, content)
				}
			}
		})
	}
	var denied *types.ResourceNotFoundException
	if _, err := firehoseClient(p.url, "PRODUCER").ListDeliveryStreams(t.Context(), new(firehose.ListDeliveryStreamsInput)); err == nil ||
		errors.As(err, &denied) || !strings.Contains(err.Error(), "AccessDeniedException") {
		t.Errorf("who may only put lists streams: %v", err)
	}
	p.stop()
}

// rawFiles are the objects of a tree as they are, by key.
func rawFiles(t *testing.T, root string) map[string]string {
	t.Helper()
	out := map[string]string{}
	must(t, filepath.WalkDir(root, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		key, _ := filepath.Rel(root, path)
		out[key] = string(content)
		return err
	}))
	return out
}

const lifeWithCLI = `
set -euo pipefail
cd "$3"
fh() { aws firehose --endpoint-url "$1" --output json "${@:2}"; }
E=$1
fh $E create-delivery-stream --delivery-stream-name cli --tags Key=team,Value=data --extended-s3-destination-configuration \
  'RoleARN=arn:aws:iam::123456789012:role/delivery,BucketARN=arn:aws:s3:::lake,Prefix=cli/first/,BufferingHints={SizeInMBs=1,IntervalInSeconds=1}' |
  grep -q 'deliverystream/cli'
[ "$(fh $E describe-delivery-stream --delivery-stream-name cli --query DeliveryStreamDescription.DeliveryStreamStatus)" = '"ACTIVE"' ]
fh $E list-delivery-streams | grep -q '"cli"'
fh $E put-record-batch --delivery-stream-name cli --records '[{"Data":"one"},{"Data":"two"}]' | grep -q '"FailedPutCount": 0'
fh $E update-destination --delivery-stream-name cli --current-delivery-stream-version-id 1 --destination-id destinationId-000000000001 \
  --extended-s3-destination-update 'Prefix=cli/second/,CompressionFormat=GZIP'
if fh $E update-destination --delivery-stream-name cli --current-delivery-stream-version-id 1 --destination-id destinationId-000000000001 \
  --extended-s3-destination-update 'Prefix=cli/third/' 2>stale; then exit 1; fi
grep -q ConcurrentModificationException stale
fh $E put-record --delivery-stream-name cli --record '{"Data":"three"}' >answer
fh $E tag-delivery-stream --delivery-stream-name cli --tags Key=team,Value=lake Key=env,Value=test
fh $E untag-delivery-stream --delivery-stream-name cli --tag-keys env
[ "$(fh $E list-tags-for-delivery-stream --delivery-stream-name cli --query Tags[0].Value)" = '"lake"' ]
fh $E start-delivery-stream-encryption --delivery-stream-name cli
fh $E describe-delivery-stream --delivery-stream-name cli | grep -q '"Status": "ENABLED"'
fh $E stop-delivery-stream-encryption --delivery-stream-name cli
fh $E describe-delivery-stream --delivery-stream-name cli | grep -q '"Status": "DISABLED"'
until [ "$(find "$2/cli" -type f | wc -l)" = 2 ]; do sleep 0.1; done # what is not delivered now is discarded
fh $E delete-delivery-stream --delivery-stream-name cli
while fh $E describe-delivery-stream --delivery-stream-name cli >state 2>&1; do :; done
grep -q 'ResourceNotFoundException.*Firehose cli not found under account' state
`

const lifeWithBoto = `
import sys, time, pathlib, boto3
firehose = boto3.client("firehose", endpoint_url=sys.argv[1])
role, bucket = "arn:aws:iam::123456789012:role/delivery", "arn:aws:s3:::lake"
hints = {"SizeInMBs": 1, "IntervalInSeconds": 1}
made = firehose.create_delivery_stream(DeliveryStreamName="boto", S3DestinationConfiguration={
    "RoleARN": role, "BucketARN": bucket, "Prefix": "boto/first-!{timestamp:yyyy}/", "ErrorOutputPrefix": "boto/bad/", "BufferingHints": hints})
def describe():
    return firehose.describe_delivery_stream(DeliveryStreamName="boto")["DeliveryStreamDescription"]
def eventually(condition):
    for _ in range(3000):
        if condition(): return
        time.sleep(0.1)
    raise SystemExit("not within five minutes")
before = describe()
assert before["DeliveryStreamStatus"] == "ACTIVE" and before["DeliveryStreamARN"] == made["DeliveryStreamARN"], before
destination = before["Destinations"][0]
assert destination["S3DestinationDescription"]["BufferingHints"] == hints, destination
assert destination["ExtendedS3DestinationDescription"]["S3BackupMode"] == "Disabled", destination
assert "boto" in firehose.list_delivery_streams(Limit=100)["DeliveryStreamNames"]
try:
    firehose.create_delivery_stream(DeliveryStreamName="boto", S3DestinationConfiguration={"RoleARN": role, "BucketARN": bucket})
    raise SystemExit("created twice")
except firehose.exceptions.ResourceInUseException:
    pass
try:
    firehose.create_delivery_stream(DeliveryStreamName="other", ExtendedS3DestinationConfiguration={"RoleARN": role, "BucketARN": bucket,
        "ProcessingConfiguration": {"Enabled": True, "Processors": [{"Type": "Lambda", "Parameters": [
            {"ParameterName": "LambdaArn", "ParameterValue": "arn:aws:lambda:us-east-1:123456789012:function:f"}]}]}})
    raise SystemExit("a processor is accepted")
except firehose.exceptions.InvalidArgumentException as e:
    assert "api_streams.lambda" in str(e), e
firehose.put_record_batch(DeliveryStreamName="boto", Records=[{"Data": b"one"}, {"Data": b"two"}])
firehose.update_destination(DeliveryStreamName="boto", CurrentDeliveryStreamVersionId=before["VersionId"], DestinationId=destination["DestinationId"],
    S3DestinationUpdate={"Prefix": "boto/second/", "CompressionFormat": "GZIP"})
firehose.tag_delivery_stream(DeliveryStreamName="boto", Tags=[{"Key": "team", "Value": "lake"}, {"Key": "env"}])
firehose.untag_delivery_stream(DeliveryStreamName="boto", TagKeys=["env"])
assert firehose.list_tags_for_delivery_stream(DeliveryStreamName="boto")["Tags"] == [{"Key": "team", "Value": "lake"}]
after = describe()
assert after["VersionId"] == "2" and after["LastUpdateTimestamp"] >= before["CreateTimestamp"], after
firehose.put_record(DeliveryStreamName="boto", Record={"Data": b"three"})
eventually(lambda: sum(f.is_file() for f in (pathlib.Path(sys.argv[2]) / "boto").rglob("*")) == 2) # what is not delivered now is discarded
firehose.start_delivery_stream_encryption(DeliveryStreamName="boto", DeliveryStreamEncryptionConfigurationInput={"KeyType": "AWS_OWNED_CMK"})
assert describe()["DeliveryStreamEncryptionConfiguration"] == {"KeyType": "AWS_OWNED_CMK", "Status": "ENABLED"}
firehose.stop_delivery_stream_encryption(DeliveryStreamName="boto")
assert describe()["DeliveryStreamEncryptionConfiguration"] == {"Status": "DISABLED"}
firehose.delete_delivery_stream(DeliveryStreamName="boto", AllowForceDelete=True)
def gone():
    try:
        assert describe()["DeliveryStreamStatus"] == "DELETING"
    except firehose.exceptions.ResourceNotFoundException:
        return True
eventually(gone)
`

// sdkForJS is where .ci/setup puts the SDK for JavaScript.
func sdkForJS(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../../.bin/sdk-js/node_modules/@aws-sdk/client-firehose")
	must(t, err)
	return path
}

const lifeWithJS = `
const [endpoint, objects, sdk] = process.argv.slice(2);
const assert = require("node:assert"), fs = require("node:fs"), path = require("node:path");
const {
  FirehoseClient, CreateDeliveryStreamCommand, DescribeDeliveryStreamCommand, ListDeliveryStreamsCommand, PutRecordCommand, PutRecordBatchCommand,
  UpdateDestinationCommand, TagDeliveryStreamCommand, UntagDeliveryStreamCommand, ListTagsForDeliveryStreamCommand, DeleteDeliveryStreamCommand,
  StartDeliveryStreamEncryptionCommand, StopDeliveryStreamEncryptionCommand,
} = require(sdk);
const firehose = new FirehoseClient({ endpoint, region: "us-east-1" });
const name = { DeliveryStreamName: "js" }, bytes = (text) => new TextEncoder().encode(text);
const destination = { RoleARN: "arn:aws:iam::123456789012:role/delivery", BucketARN: "arn:aws:s3:::lake" };
const describe = async () => (await firehose.send(new DescribeDeliveryStreamCommand(name))).DeliveryStreamDescription;
const eventually = async (condition) => {
  for (let i = 0; i < 3000; i++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("not within five minutes");
};
const files = (dir) => fs.existsSync(dir) ? fs.readdirSync(dir, { recursive: true }).filter((f) => fs.statSync(path.join(dir, f)).isFile()) : [];
async function main() {
  const made = await firehose.send(new CreateDeliveryStreamCommand({
    ...name, DeliveryStreamType: "DirectPut", Tags: [{ Key: "team", Value: "data" }],
    ExtendedS3DestinationConfiguration: { ...destination, Prefix: "js/first/", BufferingHints: { SizeInMBs: 1, IntervalInSeconds: 1 } },
  }));
  await eventually(async () => (await describe()).DeliveryStreamStatus === "ACTIVE");
  const before = await describe();
  assert.equal(before.DeliveryStreamARN, made.DeliveryStreamARN);
  assert(before.CreateTimestamp instanceof Date && Date.now() - before.CreateTimestamp < 600000);
  assert((await firehose.send(new ListDeliveryStreamsCommand({ Limit: 100 }))).DeliveryStreamNames.includes("js"));
  const answer = await firehose.send(new PutRecordBatchCommand({ ...name, Records: [{ Data: bytes("one") }, { Data: bytes("two") }] }));
  assert(answer.FailedPutCount === 0 && answer.RequestResponses.every((r) => r.RecordId && !("ErrorCode" in r)));
  const update = (version) => firehose.send(new UpdateDestinationCommand({
    ...name, CurrentDeliveryStreamVersionId: version, DestinationId: before.Destinations[0].DestinationId,
    ExtendedS3DestinationUpdate: { Prefix: "js/second/", CompressionFormat: "GZIP" },
  }));
  await update(before.VersionId);
  await assert.rejects(update(before.VersionId), { name: "ConcurrentModificationException" });
  assert((await firehose.send(new PutRecordCommand({ ...name, Record: { Data: bytes("three") } }))).RecordId);
  await firehose.send(new TagDeliveryStreamCommand({ ...name, Tags: [{ Key: "team", Value: "lake" }, { Key: "env", Value: "test" }] }));
  await firehose.send(new UntagDeliveryStreamCommand({ ...name, TagKeys: ["env"] }));
  assert.deepEqual((await firehose.send(new ListTagsForDeliveryStreamCommand(name))).Tags, [{ Key: "team", Value: "lake" }]);
  await eventually(() => files(path.join(objects, "js")).length === 2); // what is not delivered now is discarded
  const encryption = async () => (await describe()).DeliveryStreamEncryptionConfiguration;
  await firehose.send(new StartDeliveryStreamEncryptionCommand(name));
  assert.deepEqual(await encryption(), { KeyType: "AWS_OWNED_CMK", Status: "ENABLED" });
  await firehose.send(new StopDeliveryStreamEncryptionCommand(name));
  assert.deepEqual(await encryption(), { Status: "DISABLED" });
  await firehose.send(new DeleteDeliveryStreamCommand(name));
  await eventually(() => describe().then(() => false, (e) => {
    assert.equal(e.name, "ResourceNotFoundException");
    return true;
  }));
}
main().catch((e) => { console.error(e); process.exit(1); });
`

func lifeWithGo(t *testing.T, endpoint string) {
	ctx, client := t.Context(), operator(endpoint)
	name := aws.String("gosdk")
	_, err := client.CreateDeliveryStream(ctx, &firehose.CreateDeliveryStreamInput{
		DeliveryStreamName: name, DeliveryStreamType: types.DeliveryStreamTypeDirectPut,
		DirectPutSourceConfiguration: &types.DirectPutSourceConfiguration{ThroughputHintInMBs: aws.Int32(1)},
		ExtendedS3DestinationConfiguration: &types.ExtendedS3DestinationConfiguration{
			RoleARN: aws.String("arn:aws:iam::123456789012:role/delivery"), BucketARN: aws.String("arn:aws:s3:::lake"),
			Prefix: aws.String("gosdk/first/"), BufferingHints: &types.BufferingHints{SizeInMBs: aws.Int32(1), IntervalInSeconds: aws.Int32(1)},
		},
	})
	must(t, err)
	put := func(records ...string) {
		var all []types.Record
		for _, r := range records {
			all = append(all, types.Record{Data: []byte(r)})
		}
		_, err := client.PutRecordBatch(ctx, &firehose.PutRecordBatchInput{DeliveryStreamName: name, Records: all})
		must(t, err)
	}
	put("one", "two")
	d := describe(t, client, "gosdk")
	if *d.Source.DirectPutSourceDescription.ThroughputHintInMBs != 1 {
		t.Errorf("got %+v", d.Source)
	}
	_, err = client.UpdateDestination(ctx, &firehose.UpdateDestinationInput{
		DeliveryStreamName: name, CurrentDeliveryStreamVersionId: d.VersionId, DestinationId: d.Destinations[0].DestinationId,
		ExtendedS3DestinationUpdate: &types.ExtendedS3DestinationUpdate{Prefix: aws.String("gosdk/second/"), CompressionFormat: types.CompressionFormatGzip},
	})
	must(t, err)
	put("three")
	_, err = client.TagDeliveryStream(ctx, &firehose.TagDeliveryStreamInput{DeliveryStreamName: name, Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("lake")}}})
	must(t, err)
	listed, err := client.ListDeliveryStreams(ctx, &firehose.ListDeliveryStreamsInput{Limit: aws.Int32(100)})
	must(t, err)
	tags, err := client.ListTagsForDeliveryStream(ctx, &firehose.ListTagsForDeliveryStreamInput{DeliveryStreamName: name})
	must(t, err)
	if !slices.Contains(listed.DeliveryStreamNames, "gosdk") || len(tags.Tags) != 1 || *tags.Tags[0].Value != "lake" {
		t.Errorf("got streams %v, tags %+v", listed.DeliveryStreamNames, tags.Tags)
	}
	deleteDrained(t, client, endpoint, "gosdk")
}

func describe(t *testing.T, client *firehose.Client, name string) *types.DeliveryStreamDescription {
	t.Helper()
	out, err := client.DescribeDeliveryStream(t.Context(), &firehose.DescribeDeliveryStreamInput{DeliveryStreamName: &name})
	must(t, err)
	return out.DeliveryStreamDescription
}

// deleteDrained has `hydrant streams delete` deliver first, and waits as a client does.
func deleteDrained(t *testing.T, client *firehose.Client, endpoint, name string) {
	t.Helper()
	_, err := runHydrant(t.Context(), t, clientEnvironment, "streams", "delete", name, "--url", endpoint)
	must(t, err)
	awaitGone(t, client, name)
}

func awaitGone(t *testing.T, client *firehose.Client, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	for {
		_, err := client.DescribeDeliveryStream(ctx, &firehose.DescribeDeliveryStreamInput{DeliveryStreamName: &name})
		var gone *types.ResourceNotFoundException
		if errors.As(err, &gone) {
			return
		}
		must(t, err)
	}
}
