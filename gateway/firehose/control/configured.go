package control

import (
	"cmp"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"

	"hydrant/stream"
)

// describeDefinition describes a definition of the configuration file, as near as AWS's shapes come to it: a directory is
// described as a bucket of its name, and a compression that AWS does not have by its own name.
func (p *Plane) describeDefinition(d stream.Stream) *types.ExtendedS3DestinationDescription {
	destination := &types.ExtendedS3DestinationDescription{
		RoleARN:           aws.String("arn:aws:iam::" + p.config.Account + ":role/hydrant"),
		BucketARN:         aws.String("arn:aws:s3:::" + bucketOf(d.Destination)),
		Prefix:            &d.Prefix,
		ErrorOutputPrefix: &d.ErrorPrefix,
		BufferingHints: &types.BufferingHints{
			SizeInMBs:         aws.Int32(int32(max(1, d.Buffering.Size/stream.MiB))),
			IntervalInSeconds: aws.Int32(int32(time.Duration(d.Buffering.Interval) / time.Second)),
		},
		CompressionFormat:        formatOf(d.Compression),
		EncryptionConfiguration:  &types.EncryptionConfiguration{NoEncryptionConfig: types.NoEncryptionConfigNoEncryption},
		CloudWatchLoggingOptions: &types.CloudWatchLoggingOptions{Enabled: aws.Bool(false)},
		S3BackupMode:             types.S3BackupModeDisabled,
		CustomTimeZone:           notEmpty(&d.TimeZone),
		FileExtension:            notEmpty(&d.FileExtension),
		ProcessingConfiguration:  describeProcessing(d),
	}
	if usesPartitionKeys(d.Prefix) {
		destination.DynamicPartitioningConfiguration = &types.DynamicPartitioningConfiguration{
			Enabled: aws.Bool(true), RetryOptions: &types.RetryOptions{DurationInSeconds: aws.Int32(defaultRetry)},
		}
	}
	if s3 := d.Destination.S3; s3 != nil {
		destination.RoleARN = aws.String(cmp.Or(s3.RoleARN, *destination.RoleARN))
		if s3.SSE == kms {
			destination.EncryptionConfiguration = &types.EncryptionConfiguration{
				KMSEncryptionConfig: &types.KMSEncryptionConfig{AWSKMSKeyARN: &s3.KMSKey},
			}
		}
	}
	return destination
}

// describeConfigured describes a stream of the configuration file.
func (p *Plane) describeConfigured(s *Stream) *types.DeliveryStreamDescription {
	destination := p.describeDefinition(s.Definition)
	if backup, ok := s.Definition.AsBackup(); ok {
		destination.S3BackupMode = types.S3BackupModeEnabled
		destination.S3BackupDescription = plainOf(p.describeDefinition(backup))
		destination.S3BackupDescription.ErrorOutputPrefix = nil
	}
	description := p.description(s.Definition.Name, s.Version, destination)
	description.DeliveryStreamEncryptionConfiguration = describeEncryption(encryptionOf(s.Definition.Encrypt), s, nil)
	if s.KeyTrouble != nil {
		description.FailureDescription = keyFailure(s.KeyTrouble)
	} else if s.Trouble != "" {
		description.FailureDescription = failure(s.Trouble)
	}
	return description
}

var notInBucket = regexp.MustCompile(`[^A-Za-z0-9_.-]`)

func bucketOf(d stream.Destination) string {
	if d.S3 != nil {
		return d.S3.Bucket
	}
	return cmp.Or(notInBucket.ReplaceAllString(filepath.Base(d.Directory.Path), "-"), "directory")
}

// compressions are AWS's names for what a stream's objects are compressed with.
var compressions = map[types.CompressionFormat]string{
	types.CompressionFormatUncompressed: "none",
	types.CompressionFormatGzip:         "gzip",
	types.CompressionFormatZip:          "zip",
	types.CompressionFormatSnappy:       "snappy",
	types.CompressionFormatHadoopSnappy: "hadoop-snappy",
}

func formatOf(compression string) types.CompressionFormat {
	for format, name := range compressions {
		if name == compression {
			return format
		}
	}
	return types.CompressionFormat(strings.ToUpper(compression))
}
