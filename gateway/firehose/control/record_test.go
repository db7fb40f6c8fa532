package control

import (
	"strings"
	"testing"

	"hydrant/stream/definitions"
)

// kept is a world whose store holds one document, as one that somebody wrote there.
func kept(t *testing.T, config Config, document []byte) *Plane {
	t.Helper()
	store := &memory{documents: map[string]definitions.Document{"s": {Data: document, Version: "1"}}}
	p, err := New(t.Context(), config, Deps{Store: store, Node: &fakeNode{pending: map[string]int64{}}})
	if err != nil {
		return nil // refused
	}
	if err := p.Serve(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

// What no call could have made is refused, and by its name: others may write to a fleet's store.
func TestRecordsThatNoCallMade(t *testing.T) {
	const arns = `"BucketARN":"arn:aws:s3:::b","RoleARN":"arn:aws:iam::123456789012:role/r"`
	for document, want := range map[string]string{
		`null`:     `the one of stream ""`,
		`{}`:       `the one of stream ""`,
		`{"name":`: "another version",
		`{"name":"s","destination":{` + arns + `},"more":1}`: "another version",
		`{"name":"t","destination":{` + arns + `}}`:          `the one of stream "t"`,
		`{"name":"s"}`:                  "ExtendedS3DestinationConfiguration",
		`{"name":"s","destination":{}}`: "ExtendedS3DestinationConfiguration.BucketARN",
		`{"name":"s","destination":{` + arns + `,"bucketarn":null}}`:                                                               "ExtendedS3DestinationConfiguration.BucketARN",
		`{"name":"s","destination":{` + arns + `,"S3BackupConfiguration":{}}}`:                                                     "S3BackupConfiguration.BucketARN",
		`{"name":"s","destination":{` + arns + `,"EncryptionConfiguration":{"KMSEncryptionConfig":{}}}}`:                           "AWSKMSKeyARN",
		`{"name":"s","destination":{` + arns + `,"ProcessingConfiguration":{"Processors":[{"Parameters":[{}],"Type":"Lambda"}]}}}`: "ParameterValue",
	} {
		if _, err := decodeRecord("s", definitions.Document{Data: []byte(document)}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got error %v, want one with %q", document, err, want)
		}
	}
	if p := kept(t, Config{Place: Place{Role: RoleIgnored}}, []byte(`{"name":"s","version":1,"destination":{`+arns+`}}`)); p == nil || p.record("s") == nil {
		t.Error("what a call can make is refused")
	}
}

// Whatever lies in the store, the plane starts or says why not, and answers.
func FuzzRecord(f *testing.F) {
	w := newWorld(f)
	w.create("s")
	w.good("TagDeliveryStream", `{"DeliveryStreamName":"s","Tags":[{"Key":"k","Value":"v"}]}`)
	f.Add(w.kept.documents["s"].Data)
	f.Add([]byte(`{"name":"s","destination":{"BucketARN":"","RoleARN":""},"encryption":{},"source":{"ThroughputHintInMBs":1}}`))
	f.Add([]byte(`{"name":"s","destination":{"BucketARN":"x","RoleARN":"x","CloudWatchLoggingOptions":{"Enabled":true},` +
		`"BufferingHints":{},"S3BackupMode":"Enabled","DynamicPartitioningConfiguration":{"Enabled":true},` +
		`"ProcessingConfiguration":{"Enabled":true,"Processors":[{"Type":"MetadataExtraction"}]}}}`))
	f.Fuzz(func(t *testing.T, document []byte) {
		for _, place := range []Place{{Role: RoleAssumed}, {Directory: "/x"}} {
			p := kept(t, Config{Account: "123456789012", Region: "eu-central-1", Place: place}, document)
			if p == nil {
				continue
			}
			for _, operation := range []string{"DescribeDeliveryStream", "ListTagsForDeliveryStream", "DeleteDeliveryStream"} {
				_, _ = p.Call(t.Context(), operation, []byte(`{"DeliveryStreamName":"s"}`), anyone(nil))
			}
		}
	})
}
