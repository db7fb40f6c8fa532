package control

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"hydrant/gateway/ingest"
	"hydrant/stream"
)

// What a call says is what the node serves.
func TestDefinitions(t *testing.T) {
	none := ""
	for name, x := range map[string]struct {
		more string
		want stream.Stream
	}{
		"defaults": {"", stream.Stream{
			Buffering: stream.Buffering{Size: 5 << 20, Interval: stream.Duration(300 * time.Second)},
			Prefix:    "!{timestamp:yyyy/MM/dd/HH}/", ErrorPrefix: "!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd/HH}/",
			TimeZone: "UTC", Compression: "none",
			Destination: stream.Destination{S3: &stream.S3{Bucket: "lake", Region: "eu-central-1"}},
		}},
		"prefix without expressions": {`,"Prefix":"raw","CompressionFormat":"Snappy","BufferingHints":{"SizeInMBs":1,"IntervalInSeconds":0}`, stream.Stream{
			Buffering: stream.Buffering{Size: 1 << 20, Interval: stream.Duration(time.Second)},
			Prefix:    "raw!{timestamp:yyyy/MM/dd/HH}/", ErrorPrefix: "raw!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd/HH}/",
			TimeZone: "UTC", Compression: "snappy",
			Destination: stream.Destination{S3: &stream.S3{Bucket: "lake", Region: "eu-central-1"}},
		}},
		"everything": {
			`,"Prefix":"d/!{timestamp:yyyy}/","ErrorOutputPrefix":"bad/","CompressionFormat":"HADOOP_SNAPPY","CustomTimeZone":"Asia/Tokyo","FileExtension":".json",` +
				`"EncryptionConfiguration":{"KMSEncryptionConfig":{"AWSKMSKeyARN":"arn:aws:kms:eu-central-1:123456789012:key/k"}}`,
			stream.Stream{
				Buffering: stream.Buffering{Size: 5 << 20, Interval: stream.Duration(300 * time.Second)},
				Prefix:    "d/!{timestamp:yyyy}/", ErrorPrefix: "bad/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd/HH}/",
				TimeZone: "Asia/Tokyo", Compression: "hadoop-snappy", FileExtension: ".json",
				Destination: stream.Destination{S3: &stream.S3{
					Bucket: "lake", Region: "eu-central-1", SSE: "aws:kms", KMSKey: "arn:aws:kms:eu-central-1:123456789012:key/k",
				}},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.good("CreateDeliveryStream", creation("s", x.more))
			x.want.Name, x.want.Revision, x.want.Delimiter = "s", 1, &none
			got, _ := w.node.served("s")
			if got.Incarnation == "" {
				t.Error("the stream has no incarnation")
			}
			x.want.Incarnation = got.Incarnation
			if string(got.Encode()) != string(x.want.Encode()) {
				t.Errorf("got  %s\nwant %s", got.Encode(), x.want.Encode())
			}
		})
	}
}

// The configuration says where buckets are, and what a role is for. Where it says nothing, nothing is made.
func TestPlaces(t *testing.T) {
	w := newWorld(t)
	for _, x := range []struct {
		place Place
		more  string
		want  string // of the destination, or of the refusal
	}{
		{Place{}, "", "This node takes no streams through the API"},
		{Place{Role: RoleAssumed, Endpoint: "http://store:9000", PathStyle: true, Profile: "p"}, "", `{"s3":{"bucket":"lake","region":"eu-central-1",` +
			`"endpoint":"http://store:9000","path_style":true,"profile":"p","role_arn":"arn:aws:iam::123456789012:role/delivery"}}`},
		{Place{Directory: "/buckets"}, "", `{"directory":{"path":"/buckets/lake"}}`},
		{Place{Directory: "/buckets"}, `,"BucketARN":"arn:aws:s3:::.."`, "cannot be the name of a directory"},
		{Place{Directory: "/buckets"}, `,"EncryptionConfiguration":{"KMSEncryptionConfig":{"AWSKMSKeyARN":"arn:aws:kms:eu-central-1:123456789012:key/k"}}`, "EncryptionConfiguration asks"},
		{Place{Role: RoleIgnored}, `,"BucketARN":"arn:aws:s3:::ab"`, "BucketARN: the bucket's name has 2 characters"},
	} {
		w.restart(Config{Account: "123456789012", Region: "eu-central-1", Place: x.place})
		if !strings.HasPrefix(x.want, "{") {
			w.refused("CreateDeliveryStream", creation("s", x.more), ingest.InvalidArgument, x.want)
			continue
		}
		w.good("CreateDeliveryStream", creation("s", x.more))
		if d, _ := w.node.served("s"); !strings.Contains(string(d.Encode()), `"destination":`+x.want) {
			t.Errorf("got %s, want %s", d.Encode(), x.want)
		}
		w.good("DeleteDeliveryStream", `{"DeliveryStreamName":"s"}`)
		w.finishLeaving(t.Context())
	}
}

const update = `{"DeliveryStreamName":"s","DestinationId":"destinationId-000000000001","CurrentDeliveryStreamVersionId":"%s","ExtendedS3DestinationUpdate":{%s}}`

// Members that are not sent keep their values, each update is a version of its own, and a stale one changes nothing.
func TestUpdates(t *testing.T) {
	w := newWorld(t)
	w.good("CreateDeliveryStream", creation("s", `,"Prefix":"a/","CompressionFormat":"GZIP"`))
	w.now = w.now.Add(time.Minute)
	if got := w.good("UpdateDestination", fmt.Sprintf(update, "1", `"Prefix":"b/"`)); got != `{}` {
		t.Errorf("got %s", got)
	}
	to, d := w.destinationOf("s"), w.described("s")
	if to["Prefix"] != "b/" || to["CompressionFormat"] != "GZIP" || d["VersionId"] != "2" || d["LastUpdateTimestamp"] != 1700000060.123 {
		t.Errorf("got %v of %v", to, d)
	}
	if d, _ := w.node.served("s"); d.Prefix != "b/!{timestamp:yyyy/MM/dd/HH}/" || d.Revision != 2 {
		t.Errorf("the node serves %s", d.Encode())
	}
	w.good("UpdateDestination", fmt.Sprintf(update, "2", ``))
	w.good("UpdateDestination", `{"DeliveryStreamName":"s","DestinationId":"destinationId-000000000001","CurrentDeliveryStreamVersionId":"3","S3DestinationUpdate":{"Prefix":"c/"}}`)

	w.refused("UpdateDestination", fmt.Sprintf(update, "1", `"Prefix":"x/"`), ingest.VersionConflict, "current version id: 4 and specified version id: 1 do not match")
	w.refused("UpdateDestination", strings.Replace(fmt.Sprintf(update, "4", ``), "0001", "0002", 1), ingest.InvalidArgument, "not found")
	w.refused("UpdateDestination", fmt.Sprintf(update, "4", `"BufferingHints":{"SizeInMBs":3}`), ingest.InvalidArgument, "SizeInMBs and IntervalInSeconds")
	w.refused("UpdateDestination", fmt.Sprintf(update, "4", `"S3BackupMode":"Enabled"`), ingest.InvalidArgument, "S3BackupConfiguration cannot be null")
	w.refused("UpdateDestination", fmt.Sprintf(update, "4", `"S3BackupUpdate":{`+role+`}`), ingest.InvalidArgument, "must specify BucketARN and RoleARN")
	w.refused("UpdateDestination", fmt.Sprintf(update, "4", `"DynamicPartitioningConfiguration":{"Enabled":true}`), ingest.InvalidArgument, "Dynamic Partitioning can only be enabled when a Firehose is created")
	w.refused("UpdateDestination", fmt.Sprintf(update, "4", `"Prefix":"!{timestamp:yyyy}/"`), ingest.InvalidArgument, "ErrorOutputPrefix cannot be null")
	w.refused("UpdateDestination", strings.Replace(fmt.Sprintf(update, "1", ``), `"s"`, `"none"`, 1), ingest.StreamNotFound, "Firehose none not found under account 123456789012.")
	if to := w.destinationOf("s"); to["Prefix"] != "c/" || w.described("s")["VersionId"] != "4" {
		t.Errorf("what was refused has changed the stream: %v", to)
	}
}

// What the node cannot put in force is taken back, and may be tried again.
func TestChangesAreTakenBack(t *testing.T) {
	w := newWorld(t)
	w.create("s")
	w.node.err = errors.New("the disk is full")
	w.refused("CreateDeliveryStream", creation("t", ""), ingest.Internal)
	w.refused("UpdateDestination", fmt.Sprintf(update, "1", `"Prefix":"x/"`), ingest.Internal)
	w.node.err = nil
	w.refused("DescribeDeliveryStream", `{"DeliveryStreamName":"t"}`, ingest.StreamNotFound)
	if got := w.described("s"); got["VersionId"] != "1" {
		t.Errorf("got %v", got)
	}
	w.good("UpdateDestination", fmt.Sprintf(update, "1", `"Prefix":"x/"`))
	w.create("t")
}

// A node that starts again knows everything, and goes on with deletions.
func TestRestart(t *testing.T) {
	w := newWorld(t)
	w.create("s")
	w.good("TagDeliveryStream", `{"DeliveryStreamName":"s","Tags":[{"Key":"k","Value":"v"}]}`)
	w.good("UpdateDestination", fmt.Sprintf(update, "1", `"Prefix":"x/"`))
	w.create("gone")
	w.good("DeleteDeliveryStream", `{"DeliveryStreamName":"gone"}`)
	before := w.good("DescribeDeliveryStream", `{"DeliveryStreamName":"s"}`)
	w.node.made = nil
	w.restart(w.config)
	if after := w.good("DescribeDeliveryStream", `{"DeliveryStreamName":"s"}`); after != before {
		t.Errorf("got  %s\nwant %s", after, before)
	}
	if got := w.good("ListTagsForDeliveryStream", `{"DeliveryStreamName":"s"}`); got != `{"HasMoreTags":false,"Tags":[{"Key":"k","Value":"v"}]}` {
		t.Errorf("got %s", got)
	}
	if got := w.described("gone")["DeliveryStreamStatus"]; got != "DELETING" {
		t.Errorf("got %s, want DELETING", got)
	}
	w.finishLeaving(t.Context())
	w.refused("DescribeDeliveryStream", `{"DeliveryStreamName":"gone"}`, ingest.StreamNotFound)
	w.restart(w.config)
	w.refused("DescribeDeliveryStream", `{"DeliveryStreamName":"gone"}`, ingest.StreamNotFound)
}

// A deleted stream is DELETING until nothing of it is left, takes no other call meanwhile, and then its name is free.
func TestDeletion(t *testing.T) {
	w := newWorld(t)
	w.create("s")
	w.node.pending["s"] = 5
	w.good("DeleteDeliveryStream", `{"DeliveryStreamName":"s","AllowForceDelete":false,"HydrantDrain":true}`)
	if _, served := w.node.served("s"); served {
		t.Error("a stream that is being deleted takes records")
	}
	if left := w.finishLeaving(t.Context()); left != 1 || w.described("s")["DeliveryStreamStatus"] != "DELETING" {
		t.Errorf("with records that are not delivered %d streams are left, want 1", left)
	}
	w.refused("CreateDeliveryStream", creation("s", ""), ingest.StreamInUse, "being deleted")
	w.refused("UpdateDestination", fmt.Sprintf(update, "1", ``), ingest.StreamInUse)
	w.refused("TagDeliveryStream", `{"DeliveryStreamName":"s","Tags":[{"Key":"k"}]}`, ingest.StreamInUse)
	w.good("DeleteDeliveryStream", `{"DeliveryStreamName":"s"}`) // which gives up the rest
	w.good("DeleteDeliveryStream", `{"DeliveryStreamName":"s","HydrantDrain":true}`)
	if left := w.finishLeaving(t.Context()); left != 0 || len(w.node.discarded) != 1 {
		t.Errorf("%d streams are left, discarded are %v", left, w.node.discarded)
	}
	w.refused("DeleteDeliveryStream", `{"DeliveryStreamName":"s"}`, ingest.StreamNotFound)
	w.create("s")
}

func TestRunFinishesDeletions(t *testing.T) {
	w := newWorld(t)
	done := make(chan struct{})
	go func() { w.Run(t.Context()); close(done) }()
	t.Cleanup(func() { <-done })
	w.create("s")
	w.good("DeleteDeliveryStream", `{"DeliveryStreamName":"s"}`)
	eventually(t, "the stream is gone", func() bool {
		_, err := w.call("DescribeDeliveryStream", `{"DeliveryStreamName":"s"}`)
		return err != nil
	})
}

// A store that has changed under this node, as after a change that seemed to have failed, is looked at anew.
func TestChangedStore(t *testing.T) {
	w := newWorld(t)
	w.create("s")
	if _, err := w.kept.Put(t.Context(), "s", w.kept.documents["s"].Data, w.kept.documents["s"].Version); err != nil {
		t.Fatal(err)
	}
	w.good("UpdateDestination", fmt.Sprintf(update, "1", `"Prefix":"x/"`))
	if _, err := w.kept.Put(t.Context(), "s", w.kept.documents["s"].Data, w.kept.documents["s"].Version); err != nil {
		t.Fatal(err)
	}
	w.good("StartDeliveryStreamEncryption", `{"DeliveryStreamName":"s"}`)
	if err := w.kept.Delete(t.Context(), "s", w.kept.documents["s"].Version); err != nil {
		t.Fatal(err)
	}
	w.refused("TagDeliveryStream", `{"DeliveryStreamName":"s","Tags":[{"Key":"k"}]}`, ingest.StreamNotFound)
	w.refused("DescribeDeliveryStream", `{"DeliveryStreamName":"s"}`, ingest.StreamNotFound)
	if _, served := w.node.served("s"); served {
		t.Error("a stream that is not in the store any more is served")
	}
}

func TestTags(t *testing.T) {
	w := newWorld(t)
	w.good("CreateDeliveryStream", strings.Replace(creation("s", ""), `{`, `{"Tags":[{"Key":"b","Value":"1"},{"Key":"a"}],`, 1))
	w.good("TagDeliveryStream", `{"DeliveryStreamName":"s","Tags":[{"Key":"b","Value":"2"},{"Key":"c","Value":"3"}]}`)
	w.good("UntagDeliveryStream", `{"DeliveryStreamName":"s","TagKeys":["a","unknown"]}`)
	for body, want := range map[string]string{
		`{"DeliveryStreamName":"s"}`:                            `{"Tags":[{"Key":"b","Value":"2"},{"Key":"c","Value":"3"}],"HasMoreTags":false}`,
		`{"DeliveryStreamName":"s","Limit":1}`:                  `{"Tags":[{"Key":"b","Value":"2"}],"HasMoreTags":true}`,
		`{"DeliveryStreamName":"s","ExclusiveStartTagKey":"b"}`: `{"Tags":[{"Key":"c","Value":"3"}],"HasMoreTags":false}`,
	} {
		if got := w.good("ListTagsForDeliveryStream", body); got != canonical(t, want) {
			t.Errorf("%s: got %s, want %s", body, got, want)
		}
	}
	var many []string
	for i := range 49 {
		many = append(many, fmt.Sprintf(`{"Key":"k%d"}`, i))
	}
	w.refused("TagDeliveryStream", `{"DeliveryStreamName":"s","Tags":[`+strings.Join(many, ",")+`]}`, ingest.LimitExceeded)
	w.refused("TagDeliveryStream", `{"DeliveryStreamName":"s","Tags":[{"Key":"aws:x"}]}`, ingest.Validation, "tags.1.member.key")
	w.refused("ListTagsForDeliveryStream", `{"DeliveryStreamName":"none"}`, ingest.StreamNotFound)
	if got := w.described("s")["VersionId"]; got != "1" {
		t.Errorf("tags have made version %v", got)
	}
}

// The configuration bounds what each stream takes.
func TestQuotas(t *testing.T) {
	w := newWorld(t)
	w.config.Quota = stream.Quota{Records: 5, Bytes: 6, Requests: 7, Partial: true}
	w.restart(w.config)
	w.create("s")
	if d, _ := w.node.served("s"); d.Quota != w.config.Quota {
		t.Errorf("the node serves the quota %+v, want %+v", d.Quota, w.config.Quota)
	}
}

// What a stream that is not defined any more holds is given up by the operator's word alone, who was told what that is.
func TestUndefinedStreamIsGivenUp(t *testing.T) {
	w := newWorld(t)
	w.node.pending["old"] = 5
	w.refused("DeleteDeliveryStream", `{"DeliveryStreamName":"old"}`, ingest.StreamNotFound) // as Amazon's clients ask
	w.refused("DeleteDeliveryStream", `{"DeliveryStreamName":"old","HydrantDrain":true}`, ingest.StreamInUse, "not delivered yet: 5", "--force")
	if len(w.node.discarded) > 0 {
		t.Errorf("%v are discarded, and nobody said so", w.node.discarded)
	}
	w.good("DeleteDeliveryStream", `{"DeliveryStreamName":"old","HydrantDrain":false}`)
	if !slices.Equal(w.node.discarded, []string{"old"}) {
		t.Errorf("discarded are %v, want old", w.node.discarded)
	}
	w.refused("DeleteDeliveryStream", `{"DeliveryStreamName":"old","HydrantDrain":false}`, ingest.StreamNotFound)
}
