package stream_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"hydrant/stream"
)

const role = "arn:aws:iam::123456789012:role/team/delivery"

// manyTags is n tags.
func manyTags(n int) map[string]string {
	tags := map[string]string{}
	for i := range n {
		tags[fmt.Sprint("tag", i)] = "x"
	}
	return tags
}

func TestValidateAcceptsS3(t *testing.T) {
	for name, s3 := range map[string]stream.S3{
		"storage class of Amazon":  {StorageClass: "GLACIER_IR"},
		"storage class of another": {StorageClass: "EC21", Endpoint: "http://127.0.0.1:9000"},
		"ten tags":                 {Tags: manyTags(10)},
		"odd tags":                 {Tags: map[string]string{"Größe + - = . _ : / @": "", "x": "日本語 4711"}},
		"longest tag":              {Tags: map[string]string{strings.Repeat("ä", 128): strings.Repeat("日", 256)}},
		"metadata":                 {Metadata: map[string]string{"owner.name-1_x": "a b, {c}"}},
		"longest metadata":         {Metadata: map[string]string{"k": strings.Repeat("v", 1791)}},
		"encrypted by S3":          {SSE: "AES256"},
		"encrypted by KMS":         {SSE: "aws:kms"},
		"encrypted with a key":     {SSE: "aws:kms", KMSKey: "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"},
		"profile":                  {Profile: "data lake"},
		"role":                     {RoleARN: role},
		"role of a partition":      {RoleARN: "arn:aws-us-gov:iam::123456789012:role/x", ExternalID: "a:b/c", RoleSessionName: "edge-1@x"},
		"role with a profile":      {Profile: "lake", RoleARN: role},
	} {
		s3.Bucket = "lake"
		faults := valid(func(s *stream.Stream) { s.Destination.S3 = &s3 }).Validate()
		if len(faults) > 0 {
			t.Errorf("%s: got %v", name, faults)
		}
	}
}

func TestValidateRefusesS3(t *testing.T) {
	for _, test := range []struct {
		path, want string
		s3         stream.S3
	}{
		{"storage_class", `"standard" is no storage class of Amazon S3: write one of STANDARD, `, stream.S3{StorageClass: "standard"}},
		{"storage_class", `"a b" is no storage class`, stream.S3{StorageClass: "a b", Endpoint: "http://127.0.0.1:9000"}},
		{"tags", "there are 11 tags; an object has at most 10", stream.S3{Tags: manyTags(11)}},
		{"tags.", "the tag's key has 0 characters; it must have 1 to 128", stream.S3{Tags: map[string]string{"": "x"}}},
		{"tags." + strings.Repeat("k", 129), "has 129 characters", stream.S3{Tags: map[string]string{strings.Repeat("k", 129): ""}}},
		{"tags.k", "the tag's value has 257 characters; the limit is 256", stream.S3{Tags: map[string]string{"k": strings.Repeat("v", 257)}}},
		{"tags.aws:x", "begin with aws: are Amazon's", stream.S3{Tags: map[string]string{"aws:x": ""}}},
		{"tags.k", `"a&b" may hold only letters, digits, spaces and any of +-=._:/@`, stream.S3{Tags: map[string]string{"k": "a&b"}}},
		{"tags.k\n", "may hold only", stream.S3{Tags: map[string]string{"k\n": ""}}},
		{"tags.k", "may hold only", stream.S3{Tags: map[string]string{"k": "\xff"}}},
		{"metadata.hydrant-stream", "are Hydrant's own: choose another", stream.S3{Metadata: map[string]string{"hydrant-stream": "x"}}},
		{"metadata.Hydrant-X", "are Hydrant's own: choose another", stream.S3{Metadata: map[string]string{"Hydrant-X": "x"}}},
		{"metadata.x-amz-meta-owner", "leave it out", stream.S3{Metadata: map[string]string{"x-amz-meta-owner": "x"}}},
		{"metadata.Owner", `"Owner" may hold only a-z`, stream.S3{Metadata: map[string]string{"Owner": "x"}}},
		{"metadata.", "may hold only a-z", stream.S3{Metadata: map[string]string{"": "x"}}},
		{"metadata.k", "visible ASCII", stream.S3{Metadata: map[string]string{"k": "Größe"}}},
		{"metadata.k", "visible ASCII", stream.S3{Metadata: map[string]string{"k": "a\r\nX-Evil: 1"}}},
		{"metadata.k", "spaces only between", stream.S3{Metadata: map[string]string{"k": " a"}}},
		{
			"metadata", "have 1793 bytes in all; the limit is 1792, S3's of 2048 less what Hydrant's own take",
			stream.S3{Metadata: map[string]string{"k": strings.Repeat("v", 1792)}},
		},
		{"sse", `"kms" is no encryption: write AES256 or aws:kms`, stream.S3{SSE: "kms"}},
		{"kms_key", "a key is used with sse: aws:kms only", stream.S3{KMSKey: "alias/x"}},
		{"kms_key", "a key is used with sse: aws:kms only", stream.S3{SSE: "AES256", KMSKey: "alias/x"}},
		{"kms_key", `"a b" is no key`, stream.S3{SSE: "aws:kms", KMSKey: "a b"}},
		{"profile", `"[lake]" is no name of a profile`, stream.S3{Profile: "[lake]"}},
		{"role_arn", `"delivery" is no role: write its ARN`, stream.S3{RoleARN: "delivery"}},
		{"role_arn", "is no role", stream.S3{RoleARN: "arn:aws:iam::123456789012:user/x"}},
		{"external_id", "it is for a role: write role_arn or remove it", stream.S3{ExternalID: "abc"}},
		{"role_session_name", "it is for a role", stream.S3{RoleSessionName: "abc"}},
		{"external_id", `"a b" is no external id`, stream.S3{RoleARN: role, ExternalID: "a b"}},
		{"external_id", "is no external id: it has 2 to 1224", stream.S3{RoleARN: role, ExternalID: strings.Repeat("x", 1225)}},
		{"role_session_name", "it has 2 to 64", stream.S3{RoleARN: role, RoleSessionName: strings.Repeat("x", 65)}},
	} {
		test.s3.Bucket = "lake"
		faults := valid(func(s *stream.Stream) { s.Destination.S3 = &test.s3 }).Validate()
		if len(faults) != 1 || faults[0].Path != "destination.s3."+test.path || !strings.Contains(faults[0].Message, test.want) {
			t.Errorf("got %v, want one fault destination.s3.%s: ...%s...", faults, test.path, test.want)
		}
	}
}

// Definitions that differ in nothing but the order of their maps are equal, and nothing is lost in their JSON.
func TestEncodeS3(t *testing.T) {
	definition := func() stream.Stream {
		return valid(func(s *stream.Stream) {
			s.Destination.S3 = &stream.S3{
				Bucket: "lake", StorageClass: "GLACIER_IR", Tags: manyTags(10), Metadata: manyTags(10), SSE: "aws:kms", KMSKey: "k",
				Profile: "p", RoleARN: role, ExternalID: "id", RoleSessionName: "name",
			}
		})
	}
	s := definition()
	if string(s.Encode()) != string(definition().Encode()) {
		t.Error("equal definitions have different forms")
	}
	got, err := stream.Decode(s.Encode())
	if err != nil || !maps.Equal(got.Destination.S3.Tags, s.Destination.S3.Tags) || string(got.Encode()) != string(s.Encode()) {
		t.Errorf("got %+v, %v, want %+v", got.Destination.S3, err, s.Destination.S3)
	}
}
