package control

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"

	"hydrant/stream"
	"hydrant/stream/expr"
)

// backsUp reports whether a destination keeps a copy of each record as it came in.
func backsUp(c *types.ExtendedS3DestinationConfiguration) bool {
	return c.S3BackupMode == types.S3BackupModeEnabled
}

// extendedOf is a destination of the older shape in the larger one, so that both are served alike.
func extendedOf(c *types.S3DestinationConfiguration) *types.ExtendedS3DestinationConfiguration {
	extended := new(types.ExtendedS3DestinationConfiguration)
	merge(extended, c)
	return extended
}

// updatedBackup is what becomes of a backup's configuration, which may be none yet. It is a new one: the old stays as it is.
func updatedBackup(before *types.S3DestinationConfiguration, change *types.S3DestinationUpdate) *types.S3DestinationConfiguration {
	after := new(types.S3DestinationConfiguration)
	if before != nil {
		*after = *before
	}
	merge(after, change)
	return after
}

// checkBackup holds a backup against the rules that no constraint of the model says.
func checkBackup(c *types.ExtendedS3DestinationConfiguration) error {
	b := c.S3BackupConfiguration
	switch {
	case b == nil && backsUp(c):
		return invalidArgument("S3BackupConfiguration cannot be null when S3BackupMode is Enabled.")
	case b == nil:
		return nil
	case b.BucketARN == nil || b.RoleARN == nil:
		return invalidArgument("S3BackupConfiguration must specify BucketARN and RoleARN.")
	}
	return checkPlain(extendedOf(b))
}

// checkStaysBackedUp refuses an update that ends a backup, in the words of AWS's documentation.
func checkStaysBackedUp(before, after *types.ExtendedS3DestinationConfiguration) error {
	if backsUp(before) && !backsUp(after) {
		return invalidArgument("If backup is enabled, you can't update the Firehose stream to disable it.")
	}
	return nil
}

// backup is the backup that the node is to keep; nil for none. The error is of type *ingest.Error.
func (p *Plane) backup(c *types.ExtendedS3DestinationConfiguration) (*stream.Backup, error) {
	if !backsUp(c) {
		return nil, nil
	}
	from := extendedOf(c.S3BackupConfiguration)
	destination, err := p.destination(from)
	if err != nil {
		return nil, err
	}
	described := describeS3(from)
	b := &stream.Backup{
		Buffering:   buffering(described.BufferingHints),
		Prefix:      aws.ToString(from.Prefix),
		Compression: compressions[described.CompressionFormat],
		Delimiter:   aws.String(""),
		Logging:     logging(from.CloudWatchLoggingOptions),
		Destination: destination,
	}
	// A copy cannot fail but for its destination, so that nothing ever goes to a backup's error prefix. It is kept and
	// described, and must be one.
	if err := checkPrefixes(b.Prefix, aws.ToString(from.ErrorOutputPrefix), false); err != nil && from.ErrorOutputPrefix != nil {
		return nil, err
	}
	if !expr.HasExpression(b.Prefix) {
		b.Prefix += timePrefix
	}
	return b, nil
}

func buffering(hints *types.BufferingHints) stream.Buffering {
	return stream.Buffering{
		Size: stream.Size(*hints.SizeInMBs) * stream.MiB,
		// An interval of 0 asks for delivery without delay, for which AWS takes seconds.
		Interval: stream.Duration(max(time.Second, time.Duration(*hints.IntervalInSeconds)*time.Second)),
	}
}

func logging(o *types.CloudWatchLoggingOptions) stream.Logging {
	if o == nil || !aws.ToBool(o.Enabled) {
		return stream.Logging{}
	}
	return stream.Logging{Group: *o.LogGroupName, Stream: *o.LogStreamName}
}
