package control

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/firehose/schemas"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"
)

// destinationID is the id of every stream's one destination, as AWS gives it.
const destinationID = "destinationId-000000000001"

func (p *Plane) arn(name string) *string {
	return aws.String(fmt.Sprintf("arn:aws:firehose:%s:%s:deliverystream/%s", p.config.Region, p.config.Account, name))
}

// describe answers with AWS's own defaults, so that tools that compare find no difference. Where the call has Hydrant's own
// member HydrantErrors, the last errors of the stream are told beside the description.
func (p *Plane) describe(_ context.Context, in *firehose.DescribeDeliveryStreamInput, c call) (output, error) {
	name := *in.DeliveryStreamName
	if err := c.May(name); err != nil {
		return output{}, err
	}
	s, r := p.inForce(name), p.record(name)
	var d *types.DeliveryStreamDescription
	switch {
	case s != nil && s.Configured:
		d = p.describeConfigured(s)
	case r != nil:
		d = p.describeMade(r, s)
	default:
		return output{}, p.notFound(name)
	}
	if start := in.ExclusiveStartDestinationId; start != nil && *start >= destinationID {
		d.Destinations = []types.DestinationDescription{}
	}
	out := output{&firehose.DescribeDeliveryStreamOutput{DeliveryStreamDescription: d}, schemas.DescribeDeliveryStreamOutput}
	var extension struct{ HydrantErrors bool }
	if err := json.Unmarshal(c.Body, &extension); err != nil {
		return output{}, invalidArgument("HydrantErrors must be true or false.")
	}
	if extension.HydrantErrors {
		out.value = extended{out.value, map[string]any{"HydrantErrors": p.deps.Node.Errors(name)}}
	}
	return out, nil
}

func (p *Plane) description(name string, version uint64, destination *types.ExtendedS3DestinationDescription) *types.DeliveryStreamDescription {
	return &types.DeliveryStreamDescription{
		DeliveryStreamName:   &name,
		DeliveryStreamARN:    p.arn(name),
		DeliveryStreamStatus: types.DeliveryStreamStatusActive,
		DeliveryStreamType:   types.DeliveryStreamTypeDirectPut,
		VersionId:            aws.String(strconv.FormatUint(version, 10)),
		HasMoreDestinations:  aws.Bool(false),
		Destinations: []types.DestinationDescription{{
			DestinationId:                    aws.String(destinationID),
			S3DestinationDescription:         plainOf(destination),
			ExtendedS3DestinationDescription: destination,
		}},
	}
}

// describeMade describes a stream made through the API; s is nil while it is not in force.
func (p *Plane) describeMade(r *record, s *Stream) *types.DeliveryStreamDescription {
	d := p.description(r.Name, r.Version, describeS3(r.Destination))
	d.DeliveryStreamEncryptionConfiguration = describeEncryption(r.Encryption, s, p.whyUnserved())
	d.CreateTimestamp = &r.Created
	if !r.Updated.IsZero() {
		d.LastUpdateTimestamp = &r.Updated
	}
	if r.Source != nil {
		d.Source = &types.SourceDescription{DirectPutSourceDescription: &types.DirectPutSourceDescription{
			ThroughputHintInMBs: r.Source.ThroughputHintInMBs,
		}}
	}
	switch {
	case r.Leaving != "":
		d.DeliveryStreamStatus = types.DeliveryStreamStatusDeleting
	case s == nil:
		d.DeliveryStreamStatus = types.DeliveryStreamStatusCreating
		if _, err := p.definition(r); err != nil {
			d.DeliveryStreamStatus = types.DeliveryStreamStatusActive
			d.FailureDescription = failure(detailOf(err))
		}
	case s.KeyTrouble != nil:
		d.FailureDescription = keyFailure(s.KeyTrouble)
	case s.Trouble != "":
		d.FailureDescription = failure(s.Trouble)
	}
	return d
}

// failure tells of trouble in the one place that a description has for it.
func failure(text string) *types.FailureDescription {
	const longest = 1024
	if runes := []rune(text); len(runes) > longest {
		text = string(runes[:longest])
	}
	return &types.FailureDescription{Type: types.DeliveryStreamFailureTypeUnknownError, Details: &text}
}

// AWS's defaults.
const (
	defaultSize            = 5   // MiB
	defaultPartitionedSize = 128 // MiB, for each partition of dynamic partitioning
	defaultInterval        = 300 // seconds
)

// describeS3 fills in what AWS fills in, and leaves out what it leaves out.
func describeS3(c *types.ExtendedS3DestinationConfiguration) *types.ExtendedS3DestinationDescription {
	d := &types.ExtendedS3DestinationDescription{
		RoleARN: c.RoleARN, BucketARN: c.BucketARN, Prefix: c.Prefix, ErrorOutputPrefix: c.ErrorOutputPrefix,
		BufferingHints:                    c.BufferingHints,
		CompressionFormat:                 cmp.Or(c.CompressionFormat, types.CompressionFormatUncompressed),
		EncryptionConfiguration:           c.EncryptionConfiguration,
		CloudWatchLoggingOptions:          c.CloudWatchLoggingOptions,
		S3BackupMode:                      cmp.Or(c.S3BackupMode, types.S3BackupModeDisabled),
		ProcessingConfiguration:           c.ProcessingConfiguration,
		DataFormatConversionConfiguration: c.DataFormatConversionConfiguration,
		DynamicPartitioningConfiguration:  c.DynamicPartitioningConfiguration,
		CustomTimeZone:                    notEmpty(c.CustomTimeZone),
		FileExtension:                     c.FileExtension, // told as it was said, also where it is empty
	}
	if d.BufferingHints == nil {
		d.BufferingHints = defaultHints(c)
	}
	if d.EncryptionConfiguration == nil {
		d.EncryptionConfiguration = &types.EncryptionConfiguration{NoEncryptionConfig: types.NoEncryptionConfigNoEncryption}
	}
	if d.CloudWatchLoggingOptions == nil {
		d.CloudWatchLoggingOptions = &types.CloudWatchLoggingOptions{Enabled: aws.Bool(false)}
	}
	if c.S3BackupConfiguration != nil {
		d.S3BackupDescription = plainOf(describeS3(extendedOf(c.S3BackupConfiguration)))
	}
	if dynamic := d.DynamicPartitioningConfiguration; dynamic != nil && dynamic.RetryOptions == nil {
		filled := *dynamic
		filled.RetryOptions = &types.RetryOptions{DurationInSeconds: aws.Int32(defaultRetry)}
		d.DynamicPartitioningConfiguration = &filled
	}
	return d
}

func defaultHints(c *types.ExtendedS3DestinationConfiguration) *types.BufferingHints {
	size := int32(defaultSize)
	if isPartitioned(c) {
		size = defaultPartitionedSize
	}
	return &types.BufferingHints{SizeInMBs: &size, IntervalInSeconds: aws.Int32(defaultInterval)}
}

// defaultRetry is AWS's for dynamic partitioning, in seconds.
const defaultRetry = 300

// plainOf is the same destination in the older shape, which has less.
func plainOf(d *types.ExtendedS3DestinationDescription) *types.S3DestinationDescription {
	return &types.S3DestinationDescription{
		RoleARN: d.RoleARN, BucketARN: d.BucketARN, Prefix: d.Prefix, ErrorOutputPrefix: d.ErrorOutputPrefix,
		BufferingHints:           d.BufferingHints,
		CompressionFormat:        d.CompressionFormat,
		EncryptionConfiguration:  d.EncryptionConfiguration,
		CloudWatchLoggingOptions: d.CloudWatchLoggingOptions,
	}
}

func notEmpty(s *string) *string {
	if aws.ToString(s) == "" {
		return nil
	}
	return s
}
