package control

import (
	"reflect"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"
)

// notBuilt are the members that this version of Hydrant refuses, by operation, and why. They are never accepted and
// ignored. Every other member of an operation is honoured.
var notBuilt = map[string]map[string]string{
	"CreateDeliveryStream": {
		"KinesisStreamSourceConfiguration":                   "streams are written to directly (DirectPut)",
		"MSKSourceConfiguration":                             "streams are written to directly (DirectPut)",
		"DatabaseSourceConfiguration":                        "streams are written to directly (DirectPut)",
		"RedshiftDestinationConfiguration":                   onlyS3,
		"ElasticsearchDestinationConfiguration":              onlyS3,
		"AmazonopensearchserviceDestinationConfiguration":    onlyS3,
		"AmazonOpenSearchServerlessDestinationConfiguration": onlyS3,
		"SplunkDestinationConfiguration":                     onlyS3,
		"HttpEndpointDestinationConfiguration":               onlyS3,
		"SnowflakeDestinationConfiguration":                  onlyS3,
		"IcebergDestinationConfiguration":                    onlyS3,
	},
	"UpdateDestination": {
		"RedshiftDestinationUpdate":                   onlyS3,
		"ElasticsearchDestinationUpdate":              onlyS3,
		"AmazonopensearchserviceDestinationUpdate":    onlyS3,
		"AmazonOpenSearchServerlessDestinationUpdate": onlyS3,
		"SplunkDestinationUpdate":                     onlyS3,
		"HttpEndpointDestinationUpdate":               onlyS3,
		"SnowflakeDestinationUpdate":                  onlyS3,
		"IcebergDestinationUpdate":                    onlyS3,
	},
}

const onlyS3 = "the destination of a stream is S3"

// checkBuilt refuses an input that asks for what is not built.
func checkBuilt(operation string, in any) error {
	v := reflect.ValueOf(in).Elem()
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		if why, refused := notBuilt[operation][name]; refused && !v.Field(i).IsZero() {
			return invalidArgument("%s is not supported by this version of Hydrant: %s.", name, why)
		}
	}
	return nil
}

// checkOne wants exactly one destination among an input's members, which end with suffix.
func checkOne(in any, suffix string) error {
	v, n := reflect.ValueOf(in).Elem(), 0
	for i := range v.NumField() {
		if strings.HasSuffix(v.Type().Field(i).Name, suffix) && !v.Field(i).IsZero() {
			n++
		}
	}
	if n != 1 {
		return invalidArgument("Exactly one destination configuration is supported for a Firehose")
	}
	return nil
}

// checkS3 holds a destination against the rules that no constraint of the model says.
func checkS3(c *types.ExtendedS3DestinationConfiguration) error {
	if err := checkPlain(c); err != nil {
		return err
	}
	if err := checkBackup(c); err != nil {
		return err
	}
	return checkStages(c)
}

// checkPlain are the rules for what both shapes have.
func checkPlain(c *types.ExtendedS3DestinationConfiguration) error {
	if h := c.BufferingHints; h != nil && (h.SizeInMBs == nil || h.IntervalInSeconds == nil) {
		return invalidArgument("BufferingHints must specify both SizeInMBs and IntervalInSeconds.")
	}
	if e := c.EncryptionConfiguration; e != nil && (e.NoEncryptionConfig == "") == (e.KMSEncryptionConfig == nil) {
		return invalidArgument("EncryptionConfiguration must specify exactly one of NoEncryptionConfig and KMSEncryptionConfig.")
	}
	if l := c.CloudWatchLoggingOptions; l != nil && aws.ToBool(l.Enabled) &&
		(aws.ToString(l.LogGroupName) == "" || aws.ToString(l.LogStreamName) == "") {
		return invalidArgument("CloudWatchLoggingOptions must specify LogGroupName and LogStreamName when logging is enabled.")
	}
	return nil
}

// checkStages refuses what would be done to records on their way. A stage counts as asked for unless it is surely not.
func checkStages(c *types.ExtendedS3DestinationConfiguration) error {
	off := func(enabled *bool) bool { return enabled != nil && !*enabled }
	switch {
	case c.DataFormatConversionConfiguration != nil && !off(c.DataFormatConversionConfiguration.Enabled):
		return invalidArgument("DataFormatConversionConfiguration is not supported by this version of Hydrant: leave it out, or write Enabled=false.")
	}
	return nil
}
