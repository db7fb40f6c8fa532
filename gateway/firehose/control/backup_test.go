package control

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"hydrant/gateway/ingest"
	"hydrant/stream"
)

const enabled = `,"S3BackupMode":"Enabled","S3BackupConfiguration":`

// What a call says of a backup is what the node serves, and AWS's defaults where it says nothing.
func TestBackups(t *testing.T) {
	none := ""
	for configuration, want := range map[string]stream.Backup{
		`{` + role + `,"BucketARN":"arn:aws:s3:::copies"}`: {
			Buffering: stream.Buffering{Size: 5 << 20, Interval: stream.Duration(300 * time.Second)},
			Prefix:    "!{timestamp:yyyy/MM/dd/HH}/", Compression: "none",
			Destination: stream.Destination{S3: &stream.S3{Bucket: "copies", Region: "eu-central-1", RoleARN: "arn:aws:iam::123456789012:role/delivery"}},
		},
		backupConfiguration: {
			Buffering: stream.Buffering{Size: 9 << 20, Interval: stream.Duration(99 * time.Second)},
			Prefix:    "raw/!{timestamp:yyyy/MM/dd/HH}/", Compression: "gzip", Logging: stream.Logging{Group: "bg", Stream: "bs"},
			Destination: stream.Destination{S3: &stream.S3{
				Bucket: "copies", Region: "eu-central-1", RoleARN: "arn:aws:iam::123456789012:role/backup",
				SSE: "aws:kms", KMSKey: "arn:aws:kms:eu-central-1:123456789012:key/b",
			}},
		},
	} {
		w := newWorld(t)
		w.restart(Config{Account: "123456789012", Region: "eu-central-1", Place: Place{Role: RoleAssumed}})
		w.good("CreateDeliveryStream", creation("s", enabled+configuration))
		got, _ := w.node.served("s")
		want.Delimiter = &none
		g, _ := json.Marshal(got.Backup)
		if x, _ := json.Marshal(want); string(g) != string(x) || got.Backup.Logging != want.Logging {
			t.Errorf("got  %s %+v\nwant %s %+v", g, got.Backup.Logging, x, want.Logging)
		}
		d := w.destinationOf("s")["S3BackupDescription"].(map[string]any)
		if d["BucketARN"] != "arn:aws:s3:::copies" || d["BufferingHints"] == nil || d["CompressionFormat"] == nil || d["EncryptionConfiguration"] == nil {
			t.Errorf("described as %v", d)
		}
	}
}

func TestBackupsThatAreRefused(t *testing.T) {
	w := newWorld(t)
	for configuration, want := range map[string]string{
		`null`: "S3BackupConfiguration cannot be null when S3BackupMode is Enabled",
		`{` + role + `,"BucketARN":"arn:aws:s3:::copies","BufferingHints":{"SizeInMBs":5}}`:                                "BufferingHints must specify both",
		`{` + role + `,"BucketARN":"arn:aws:s3:::copies","Prefix":"!{partitionKeyFromQuery:k}/","ErrorOutputPrefix":"e/"}`: "Dynamic Partitioning Namespaces",
		`{` + role + `,"BucketARN":"arn:aws:s3:::copies","Prefix":"!{partitionKeyFromQuery:k}/"}`:                          "S3BackupConfiguration.Prefix: the partition key",
		`{` + role + `,"BucketARN":"arn:aws:s3:::copies","ErrorOutputPrefix":"!{timestamp:yyyy}/"}`:                        "ErrorOutputPrefix must contain",
		`{` + role + `,"BucketARN":"arn:aws:s3:::ab"}`:                                                                     "S3BackupConfiguration.BucketARN: the bucket's name",
		`{` + role + `,"BucketARN":"arn:aws:s3:::copies","CloudWatchLoggingOptions":{"Enabled":true}}`:                     "LogGroupName and LogStreamName",
	} {
		w.refused("CreateDeliveryStream", creation("s", enabled+configuration), ingest.InvalidArgument, want)
	}
}

// A backup may be switched on and changed, and never off. One that is configured and not switched on is only kept.
func TestBackupUpdates(t *testing.T) {
	w := newWorld(t)
	w.good("CreateDeliveryStream", creation("s", `,"S3BackupConfiguration":{`+role+`,"BucketARN":"arn:aws:s3:::copies"}`))
	if d, _ := w.node.served("s"); d.Backup != nil {
		t.Errorf("a backup that is not switched on is served: %+v", d.Backup)
	}
	w.good("UpdateDestination", fmt.Sprintf(update, "1", `"S3BackupMode":"Enabled"`))
	w.good("UpdateDestination", fmt.Sprintf(update, "2", `"S3BackupUpdate":{"Prefix":"b/"}`))
	if d, _ := w.node.served("s"); d.Backup == nil || d.Backup.Prefix != "b/!{timestamp:yyyy/MM/dd/HH}/" || d.Backup.Destination.S3.Bucket != "copies" {
		t.Errorf("got %s", d.Encode())
	}
	w.refused("UpdateDestination", fmt.Sprintf(update, "3", `"S3BackupMode":"Disabled"`), ingest.InvalidArgument,
		"If backup is enabled, you can't update the Firehose stream to disable it.")
	w.good("UpdateDestination", fmt.Sprintf(update, "3", `"Prefix":"d/"`))
	w.restart(Config{Account: "123456789012", Region: "eu-central-1", Place: Place{Role: RoleIgnored}})
	if to := w.destinationOf("s"); to["S3BackupMode"] != "Enabled" || to["S3BackupDescription"].(map[string]any)["Prefix"] != "b/" {
		t.Errorf("got %v", to)
	}
}

// A backup of the configuration file is described too.
func TestConfiguredBackup(t *testing.T) {
	w := newWorld(t)
	w.node.configured = []stream.Stream{stream.Stream{
		Name: "file", Destination: stream.Destination{Directory: &stream.Directory{Path: "/data/objects"}},
		Backup: &stream.Backup{Compression: "none", Destination: stream.Destination{S3: &stream.S3{Bucket: "copies"}}},
	}.WithDefaults()}
	d := w.destinationOf("file")["S3BackupDescription"].(map[string]any)
	if d["BucketARN"] != "arn:aws:s3:::copies" || d["CompressionFormat"] != "UNCOMPRESSED" || d["Prefix"] != "backup/file/!{timestamp:yyyy/MM/dd/HH}/" {
		t.Errorf("got %v", d)
	}
}

// Who asks for them gets the last errors beside the description, which stays AWS's own.
func TestErrorsBesideTheDescription(t *testing.T) {
	w := newWorld(t)
	w.create("s")
	plain := w.good("DescribeDeliveryStream", `{"DeliveryStreamName":"s"}`)
	w.node.errors = []json.RawMessage{json.RawMessage(`{"code":"S3.NoSuchBucket"}`)}
	got := w.good("DescribeDeliveryStream", `{"DeliveryStreamName":"s","HydrantErrors":true}`)
	if want := strings.TrimSuffix(plain, "}") + `,"HydrantErrors":[{"code":"S3.NoSuchBucket"}]}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	w.refused("DescribeDeliveryStream", `{"DeliveryStreamName":"s","HydrantErrors":1}`, ingest.InvalidArgument, "HydrantErrors")
}
