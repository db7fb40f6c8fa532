package stream

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// The limits of a definition.
const (
	maxName     = 64
	minSize     = 1 * MiB
	maxSize     = 5 * GiB
	minInterval = Duration(time.Second)
	maxInterval = Duration(24 * time.Hour)
	minBucket   = 3
	maxBucket   = 63
	maxPrefix   = 1024
)

// kmsKeyARN is the form of AWS's own model.
var kmsKeyARN = regexp.MustCompile(`^arn:[^:]*:kms:[a-zA-Z0-9-]+:[0-9]{12}:(key|alias)/[a-zA-Z_0-9+=,.@/-]+$`)

// Fault is one thing that is wrong with a definition, or worth a warning.
type Fault struct {
	Path    string // of the member in the configuration, such as destination.s3.bucket
	Message string // the limit, what was seen and what to do
}

func (f Fault) String() string { return f.Path + ": " + f.Message }

// Validate returns every fault of a definition that has its defaults; none means that it can be served.
func (s Stream) Validate() []Fault {
	v := validation{stream: s}
	v.name()
	v.buffering()
	v.processing()
	v.transform()
	v.partitionKeys()
	v.prefix()
	v.errorPrefix()
	v.time()
	if _, err := LoadZone(s.TimeZone); err != nil {
		v.add("time_zone", "%v", err)
	}
	if s.RecordForm != "" && s.RecordForm != FormJSON {
		v.add("validate", "%q is not supported: write json, or leave it out to take any bytes", s.RecordForm)
	}
	if s.RecordForm == FormJSON && s.Processing.Decompression != "" {
		v.add("validate", "records that come compressed are not JSON, and would all be refused: leave out validate, or processing.decompression")
	}
	v.quota()
	v.object()
	if s.Encrypt != "" && s.Encrypt != NodeKey && !kmsKeyARN.MatchString(s.Encrypt) {
		v.add("encrypt", "%q is no key: write %s, for the node's own, or a KMS key's ARN, such as arn:aws:kms:us-east-1:123456789012:key/ID", s.Encrypt, NodeKey)
	}
	if s.Delimiter != nil && !utf8.ValidString(*s.Delimiter) {
		v.add("delimiter", "%q is not UTF-8", *s.Delimiter)
	}
	v.destination()
	v.backup()
	v.partitions()
	return v.faults
}

// validation collects the faults of one definition.
type validation struct {
	stream Stream
	faults []Fault
}

func (v *validation) add(path, format string, arguments ...any) {
	v.faults = append(v.faults, Fault{Path: path, Message: fmt.Sprintf(format, arguments...)})
}

func (v *validation) name() {
	name := v.stream.Name
	if size := len(name); size < 1 || size > maxName {
		v.add("name", "the name has %d characters; it must have 1 to %d", size, maxName)
	}
	if strings.ContainsFunc(name, notInNames) {
		v.add("name", "the name %q may hold only letters, digits, '_', '.' and '-'", name)
	}
}

func (v *validation) buffering() {
	v.coldInterval()
	if size := v.stream.Buffering.Size; size < minSize || size > maxSize {
		v.add("buffering.size", "the size is %v; it must be from %v to %v", size.Words(), minSize, maxSize)
	}
	if interval := v.stream.Buffering.Interval; interval < minInterval || interval > maxInterval {
		v.add("buffering.interval", "the interval is %v; it must be from %v to %v", interval, minInterval, maxInterval)
	}
}

func (v *validation) destination() {
	d := v.stream.Destination
	switch {
	case d.S3 == nil && d.Directory == nil:
		v.add("destination", "there is no destination: write s3 or directory")
	case d.S3 != nil && d.Directory != nil:
		v.add("destination", "there are two destinations, s3 and directory: leave one")
	}
	if d.S3 != nil {
		v.s3(*d.S3)
		v.s3Objects(*d.S3)
		v.s3Credentials(*d.S3)
	}
	if d.Directory != nil {
		if d.Directory.Path == "" {
			v.add("destination.directory.path", "the path is missing: write a directory such as ./objects")
		} else if strings.ContainsRune(d.Directory.Path, 0) || !utf8.ValidString(d.Directory.Path) {
			v.add("destination.directory.path", "%q cannot be the name of a directory", d.Directory.Path)
		}
	}
}

func (v *validation) s3(s S3) {
	const path = "destination.s3."
	switch size := len(s.Bucket); {
	case size == 0:
		v.add(path+"bucket", "the bucket's name is missing")
	case size < minBucket || size > maxBucket:
		v.add(path+"bucket", "the bucket's name has %d characters; it must have %d to %d", size, minBucket, maxBucket)
	case strings.ContainsFunc(s.Bucket, notInNames):
		v.add(path+"bucket", "the bucket's name %q may hold only letters, digits, '.', '-' and '_'", s.Bucket)
	}
	v.region(path, s.Region)
	if s.Endpoint == "" {
		return
	}
	endpoint, err := url.Parse(s.Endpoint)
	switch {
	case err != nil || endpoint.Scheme != "http" && endpoint.Scheme != "https" || endpoint.Host == "" ||
		endpoint.RawQuery != "" || endpoint.Fragment != "" || !utf8.ValidString(s.Endpoint):
		v.add(path+"endpoint", "%q is no address of an S3 service: write one such as http://127.0.0.1:9000", s.Endpoint)
	case endpoint.User != nil:
		v.add(path+"endpoint", "the endpoint holds credentials: leave them to AWS's default chain")
	}
}

// notInNames reports a character that neither a stream's name nor a bucket's may hold.
func notInNames(r rune) bool {
	letterOrDigit := r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	return !letterOrDigit && !strings.ContainsRune("_.-", r)
}
