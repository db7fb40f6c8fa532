//go:build integration

package main

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"
)

// terraformStream is what Terraform's provider sends for an aws_kinesis_firehose_delivery_stream with the least of
// attributes: every default of the provider is spelt out.
func terraformStream() *types.ExtendedS3DestinationConfiguration {
	return &types.ExtendedS3DestinationConfiguration{
		BucketARN: aws.String("arn:aws:s3:::lake"), RoleARN: aws.String("arn:aws:iam::123456789012:role/delivery"),
		BufferingHints:    &types.BufferingHints{IntervalInSeconds: aws.Int32(300), SizeInMBs: aws.Int32(5)},
		CompressionFormat: types.CompressionFormatUncompressed, Prefix: aws.String("terraform/"),
		CustomTimeZone: aws.String("UTC"), FileExtension: aws.String(""),
		EncryptionConfiguration: &types.EncryptionConfiguration{NoEncryptionConfig: types.NoEncryptionConfigNoEncryption},
		S3BackupMode:            types.S3BackupModeDisabled, CloudWatchLoggingOptions: &types.CloudWatchLoggingOptions{Enabled: aws.Bool(false)},
		// What the provider sends for stages that are not written.
		DataFormatConversionConfiguration: &types.DataFormatConversionConfiguration{Enabled: aws.Bool(false)},
		ProcessingConfiguration:           &types.ProcessingConfiguration{Enabled: aws.Bool(false), Processors: []types.Processor{}},
	}
}

// flatten is what the provider keeps of a description, and compares with what is written: a difference would be planned
// again and again.
func flatten(d *types.DeliveryStreamDescription) string {
	s3 := d.Destinations[0].ExtendedS3DestinationDescription
	kept := map[string]any{
		"arn": *d.DeliveryStreamARN, "name": *d.DeliveryStreamName, "version_id": *d.VersionId, "destination_id": *d.Destinations[0].DestinationId,
		"bucket_arn": *s3.BucketARN, "role_arn": *s3.RoleARN, "buffering_interval": *s3.BufferingHints.IntervalInSeconds,
		"buffering_size": *s3.BufferingHints.SizeInMBs, "compression_format": s3.CompressionFormat, "prefix": aws.ToString(s3.Prefix),
		"error_output_prefix": aws.ToString(s3.ErrorOutputPrefix), "custom_time_zone": aws.ToString(s3.CustomTimeZone),
		"file_extension": aws.ToString(s3.FileExtension), "s3_backup_mode": s3.S3BackupMode, "sse": d.DeliveryStreamEncryptionConfiguration.Status,
		"stages":  s3.DynamicPartitioningConfiguration != nil || s3.S3BackupDescription != nil || *s3.ProcessingConfiguration.Enabled || *s3.DataFormatConversionConfiguration.Enabled,
		"logging": aws.ToBool(s3.CloudWatchLoggingOptions.Enabled), "kms_key_arn": s3.EncryptionConfiguration.KMSEncryptionConfig,
	}
	text, err := json.Marshal(kept)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// awaitEncryption polls as the provider does: any state but the two ends the run.
func awaitEncryption(t *testing.T, client *firehose.Client, name string, pending, target types.DeliveryStreamEncryptionStatus) {
	t.Helper()
	for {
		switch got := describe(t, client, name).DeliveryStreamEncryptionConfiguration.Status; got {
		case target:
			return
		case pending:
		default:
			t.Fatalf("the provider gives up in the state %s", got)
		}
	}
}

// Terraform's provider, call by call: create with tags, wait, encrypt, wait, read, plan without a difference, tag, update
// with the stored version, plan again, stop the encryption, delete and wait until it is gone.
func TestTerraformSequence(t *testing.T) {
	p, _ := startControlled(t)
	ctx, client, name := t.Context(), operator(p.url), aws.String("terraform")
	_, err := client.CreateDeliveryStream(ctx, &firehose.CreateDeliveryStreamInput{
		DeliveryStreamName: name, DeliveryStreamType: types.DeliveryStreamTypeDirectPut, ExtendedS3DestinationConfiguration: terraformStream(),
		Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("data")}},
	})
	must(t, err)
	for d := describe(t, client, *name); d.DeliveryStreamStatus != types.DeliveryStreamStatusActive; d = describe(t, client, *name) {
		if d.DeliveryStreamStatus != types.DeliveryStreamStatusCreating {
			t.Fatalf("the provider gives up in the state %s", d.DeliveryStreamStatus)
		}
	}
	const want = `{"arn":"arn:aws:firehose:us-east-1:000000000000:deliverystream/terraform","bucket_arn":"arn:aws:s3:::lake","buffering_interval":300,` +
		`"buffering_size":%d,"compression_format":%q,"custom_time_zone":"UTC","destination_id":"destinationId-000000000001","error_output_prefix":"",` +
		`"file_extension":"","kms_key_arn":null,"logging":false,"name":"terraform","prefix":"terraform/","role_arn":"arn:aws:iam::123456789012:role/delivery",` +
		`"s3_backup_mode":"Disabled","sse":%q,"stages":false,"version_id":%q}`
	wantTags := func(want string) {
		t.Helper()
		out, err := client.ListTagsForDeliveryStream(ctx, &firehose.ListTagsForDeliveryStreamInput{DeliveryStreamName: name})
		must(t, err)
		got := fmt.Sprintf("%d %s=%s", len(out.Tags), *out.Tags[0].Key, *out.Tags[0].Value)
		if got != want || *out.HasMoreTags {
			t.Errorf("got tags %s, want %s", got, want)
		}
	}
	_, err = client.StartDeliveryStreamEncryption(ctx, &firehose.StartDeliveryStreamEncryptionInput{
		DeliveryStreamName: name, DeliveryStreamEncryptionConfigurationInput: &types.DeliveryStreamEncryptionConfigurationInput{KeyType: types.KeyTypeAwsOwnedCmk},
	})
	must(t, err)
	awaitEncryption(t, client, *name, types.DeliveryStreamEncryptionStatusEnabling, types.DeliveryStreamEncryptionStatusEnabled)
	stored := describe(t, client, *name)
	if got, want := flatten(stored), fmt.Sprintf(want, 5, "UNCOMPRESSED", "ENABLED", "1"); got != want {
		t.Errorf("a plan after the creation would differ:\ngot  %s\nwant %s", got, want)
	}
	wantTags("1 team=data")

	_, err = client.TagDeliveryStream(ctx, &firehose.TagDeliveryStreamInput{
		DeliveryStreamName: name, Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("lake")}},
	})
	must(t, err)
	wantTags("1 team=lake")
	change := terraformStream()
	_, err = client.UpdateDestination(ctx, &firehose.UpdateDestinationInput{
		DeliveryStreamName: name, CurrentDeliveryStreamVersionId: stored.VersionId, DestinationId: stored.Destinations[0].DestinationId,
		ExtendedS3DestinationUpdate: &types.ExtendedS3DestinationUpdate{
			BucketARN: change.BucketARN, RoleARN: change.RoleARN, Prefix: change.Prefix, CustomTimeZone: change.CustomTimeZone,
			FileExtension: change.FileExtension, EncryptionConfiguration: change.EncryptionConfiguration, S3BackupMode: change.S3BackupMode,
			DataFormatConversionConfiguration: change.DataFormatConversionConfiguration, ProcessingConfiguration: change.ProcessingConfiguration,
			CloudWatchLoggingOptions: change.CloudWatchLoggingOptions, CompressionFormat: types.CompressionFormatGzip,
			BufferingHints: &types.BufferingHints{IntervalInSeconds: aws.Int32(300), SizeInMBs: aws.Int32(10)},
		},
	})
	must(t, err)
	if got, want := flatten(describe(t, client, *name)), fmt.Sprintf(want, 10, "GZIP", "ENABLED", "2"); got != want {
		t.Errorf("a plan after the update would differ:\ngot  %s\nwant %s", got, want)
	}
	_, err = client.StopDeliveryStreamEncryption(ctx, &firehose.StopDeliveryStreamEncryptionInput{DeliveryStreamName: name})
	must(t, err)
	awaitEncryption(t, client, *name, types.DeliveryStreamEncryptionStatusDisabling, types.DeliveryStreamEncryptionStatusDisabled)
	_, err = client.DeleteDeliveryStream(ctx, &firehose.DeleteDeliveryStreamInput{DeliveryStreamName: name})
	must(t, err)
	awaitGone(t, client, *name)
	p.stop()
}
