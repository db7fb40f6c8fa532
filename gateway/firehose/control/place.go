package control

import (
	"errors"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"

	"hydrant/gateway/ingest"
	"hydrant/stream"
)

// Place says where the buckets are that calls name, and whose credentials open them. The zero Place has none: streams
// cannot be created.
type Place struct {
	Directory string // each bucket is a directory in this one; no credentials are needed
	Endpoint  string // of an S3-compatible store; empty means AWS
	PathStyle bool
	Profile   string // of the shared AWS files; empty means the default chain
	Role      Role
}

// Role says what the RoleARN of a call is for.
type Role string

// The uses of a RoleARN. In a Directory it is kept and described only.
const (
	RoleAssumed Role = "assume" // it is assumed, with the credentials of the profile or of the default chain
	RoleIgnored Role = "ignore" // it is kept and described; those credentials are used as they are
)

const kms = "aws:kms"

// definition is what the node is to serve for a record. The error is of type *ingest.Error.
func (p *Plane) definition(r *record) (stream.Stream, error) {
	c := r.Destination
	if err := checkS3(c); err != nil {
		return stream.Stream{}, err
	}
	destination, err := p.destination(c)
	if err != nil {
		return stream.Stream{}, err
	}
	backup, err := p.backup(c)
	if err != nil {
		return stream.Stream{}, err
	}
	d := stream.Stream{
		Name:          r.Name,
		Revision:      r.Version,
		Incarnation:   r.Incarnation,
		Buffering:     buffering(describeS3(c).BufferingHints),
		Compression:   compressions[describeS3(c).CompressionFormat],
		FileExtension: aws.ToString(c.FileExtension),
		Delimiter:     aws.String(""),
		Logging:       logging(c.CloudWatchLoggingOptions),
		Quota:         p.config.Quota,
		Destination:   destination,
		Backup:        backup,
	}
	d.Encrypt, d.EncryptRevision = r.Encryption.asked()
	if err := setPrefixes(&d, c); err != nil {
		return stream.Stream{}, err
	}
	if err := p.setProcessing(&d, c); err != nil {
		return stream.Stream{}, err
	}
	d = d.WithDefaults()
	if faults := d.Validate(); len(faults) > 0 {
		return d, invalidArgument("%s", asMembers(faults))
	}
	return d, nil
}

// destination finds the bucket's place. The error is of type *ingest.Error.
func (p *Plane) destination(c *types.ExtendedS3DestinationConfiguration) (stream.Destination, error) {
	place := p.config.Place
	_, bucket, _ := strings.Cut(*c.BucketARN, ":s3:::")
	key := kmsKey(c)
	switch {
	case place.Directory != "" && key != "":
		return stream.Destination{}, invalidArgument("EncryptionConfiguration asks for encryption by KMS, and this node keeps buckets as " +
			"directories (api_streams.directory).")
	case place.Directory != "":
		if strings.HasPrefix(bucket, ".") || !filepath.IsLocal(bucket) {
			return stream.Destination{}, invalidArgument("The bucket %q cannot be the name of a directory.", bucket)
		}
		return stream.Destination{Directory: &stream.Directory{Path: filepath.Join(place.Directory, bucket)}}, nil
	case place.Role == "":
		return stream.Destination{}, invalidArgument("This node takes no streams through the API: its configuration does not say where their " +
			"buckets are (api_streams.role or api_streams.directory).")
	}
	s3 := &stream.S3{
		Bucket: bucket, Region: p.config.Region, Endpoint: place.Endpoint, PathStyle: place.PathStyle, Profile: place.Profile,
	}
	if place.Role == RoleAssumed {
		s3.RoleARN = *c.RoleARN
	}
	if key != "" {
		s3.SSE, s3.KMSKey = kms, key
	}
	return stream.Destination{S3: s3}, nil
}

func kmsKey(c *types.ExtendedS3DestinationConfiguration) string {
	if c.EncryptionConfiguration == nil || c.EncryptionConfiguration.KMSEncryptionConfig == nil {
		return ""
	}
	return *c.EncryptionConfiguration.KMSEncryptionConfig.AWSKMSKeyARN
}

// members are the API's names for what a definition's faults are about.
var members = strings.NewReplacer(
	"backup.", "S3BackupConfiguration.", "transform.lambda.arn:", "LambdaArn:",
	"destination.s3.bucket:", "BucketARN:", "destination.s3.role_arn:", "RoleARN:", "destination.s3.kms_key:", "AWSKMSKeyARN:",
	"error_prefix:", "ErrorOutputPrefix:", "prefix:", "Prefix:", "time_zone:", "CustomTimeZone:", "file_extension:", "FileExtension:",
	"partition_keys.", "MetadataExtractionQuery: key ", "processing.deaggregation.delimiter:", "Delimiter:",
	"buffering.size:", "SizeInMBs:", "buffering.interval:", "IntervalInSeconds:",
)

// remedies are what a call can do about a fault, where a definition's own words are of the configuration file.
var remedies = strings.NewReplacer(
	"add it to partition_keys", "add it to MetadataExtractionQuery", "is for error_prefix only", "is for ErrorOutputPrefix only",
)

// asMembers tells faults in the API's terms.
func asMembers(faults []stream.Fault) string {
	var texts []string
	for _, fault := range faults {
		text := members.Replace(fault.Path+":") + " " + remedies.Replace(fault.Message)
		if strings.HasSuffix(fault.Path, "prefix") {
			text = prefixConstraint + text
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, "; ")
}

// detailOf is what an error tells a person, without its code.
func detailOf(err error) string {
	var e *ingest.Error
	if errors.As(err, &e) {
		return e.Detail
	}
	return err.Error()
}
