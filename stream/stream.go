package stream

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Stream is a delivery stream's definition, as written in the configuration or given through the API. It is data: once
// made and validated it is not changed. Its JSON form is what the buffer keeps of each version.
type Stream struct {
	Name string `json:"name" yaml:"-"` // 1 to 64 letters, digits, '_', '.', '-'

	Buffering   Buffering `json:"buffering" yaml:"buffering"`
	Prefix      string    `json:"prefix" yaml:"prefix"`             // of object keys; empty means <name>/yyyy/MM/dd/HH/
	ErrorPrefix string    `json:"error_prefix" yaml:"error_prefix"` // empty means errors/<name>/<type>/yyyy/MM/dd/HH/

	// RecordForm is json, to refuse requests with a record that is not JSON, or empty, to take any bytes.
	RecordForm string `json:"validate,omitempty" yaml:"validate"`

	Processing Processing `json:"processing,omitzero" yaml:"processing"` // before a record's partition is chosen

	Transform *Transform `json:"transform,omitempty" yaml:"transform"` // nil calls no function

	// PartitionKeys are where the keys' values are in a record, by the keys' names: paths such as .customer.id, or queries
	// of jq such as (.ts | strftime("%Y")), which take longer.
	PartitionKeys map[string]string `json:"partition_keys,omitempty" yaml:"partition_keys"`

	Time *Time `json:"time,omitempty" yaml:"time"` // nil means that a record's time is its arrival

	TimeZone    string `json:"time_zone" yaml:"time_zone"`     // IANA name; empty means UTC
	Compression string `json:"compression" yaml:"compression"` // none, gzip, zstd, snappy, hadoop-snappy, zip; empty means gzip

	// FileExtension ends the keys of objects instead of their compression's extension, which it leaves as it is. It has
	// its dot.
	FileExtension string `json:"file_extension,omitempty" yaml:"file_extension"`

	// Delimiter is added after each record that does not end with it, at delivery; none given means a line feed.
	Delimiter *string `json:"delimiter" yaml:"delimiter"`

	Quota Quota `json:"-" yaml:"quota"`

	// Encrypt has records encrypted on the node's disk: node, with the node's own master key, or the ARN of a KMS key.
	Encrypt string `json:"encrypt,omitempty" yaml:"encrypt"`

	// EncryptRevision rises where the key for records is to be another one from then on.
	EncryptRevision uint64 `json:"encrypt_revision,omitempty" yaml:"-"`

	Partitions Partitions `json:"-" yaml:"partitions"`

	Logging Logging `json:"-" yaml:"-"` // of streams made through the API

	Destination Destination `json:"destination" yaml:"destination"`

	Backup *Backup `json:"backup,omitempty" yaml:"backup"` // nil keeps no second copy

	// Revision counts the changes of a stream made through the API; 0 for one of the configuration file. Each is in force
	// as a version of its own, even where it changes nothing else.
	Revision uint64 `json:"revision,omitempty" yaml:"-"`

	// Incarnation tells a stream made through the API from an earlier one of its name; empty where there is none.
	Incarnation string `json:"incarnation,omitempty" yaml:"-"`
}

// NodeKey is a value of Stream.Encrypt.
const NodeKey = "node"

// FormJSON is a value of Stream.RecordForm.
const FormJSON = "json"

// Buffering says when an open object is sealed: at whichever comes first.
type Buffering struct {
	Size     Size     `json:"size" yaml:"size"`         // of the records before compression; 1 MiB to 5 GiB; 0 means 64 MiB
	Interval Duration `json:"interval" yaml:"interval"` // from the oldest record's arrival; 1 s to 24 h; 0 means 60 s

	// ColdInterval is how long an object may wait that has less than a sixteenth of size when its interval is over: it is
	// sealed when it has as much, or then. 0 means no longer than any. Meanwhile the buffer keeps all that came in since.
	ColdInterval Duration `json:"cold_interval,omitempty" yaml:"cold_interval"`
}

// Destination is where objects go: exactly one member is set.
type Destination struct {
	S3        *S3        `json:"s3,omitempty" yaml:"s3"`
	Directory *Directory `json:"directory,omitempty" yaml:"directory"`
}

// S3 is a bucket of an S3-compatible store. Credentials come from the AWS default chain, from a named profile, or from
// a role assumed with them.
type S3 struct {
	Bucket    string `json:"bucket" yaml:"bucket"`                   // that exists
	Region    string `json:"region,omitempty" yaml:"region"`         // empty means that of the environment or the profile
	Endpoint  string `json:"endpoint,omitempty" yaml:"endpoint"`     // URL; empty means AWS
	PathStyle bool   `json:"path_style,omitempty" yaml:"path_style"` // the bucket in the path, as most other stores want it

	// What objects get beside their bytes. Where it is empty the store's and the bucket's defaults hold.

	StorageClass string            `json:"storage_class,omitempty" yaml:"storage_class"` // such as STANDARD_IA
	Tags         map[string]string `json:"tags,omitempty" yaml:"tags"`                   // at most 10
	Metadata     map[string]string `json:"metadata,omitempty" yaml:"metadata"`           // beside Hydrant's own
	SSE          string            `json:"sse,omitempty" yaml:"sse"`                     // AES256 or aws:kms
	KMSKey       string            `json:"kms_key,omitempty" yaml:"kms_key"`             // id, ARN or alias; empty means the account's own

	Profile         string `json:"profile,omitempty" yaml:"profile"`                     // of the shared AWS files
	RoleARN         string `json:"role_arn,omitempty" yaml:"role_arn"`                   // to assume through STS
	ExternalID      string `json:"external_id,omitempty" yaml:"external_id"`             // that the role asks for
	RoleSessionName string `json:"role_session_name,omitempty" yaml:"role_session_name"` // empty means hydrant
}

// Place names where a destination puts objects, for people and in metrics. Where it tells stores apart Address does.
func (d Destination) Place() string {
	switch {
	case d.S3 != nil:
		return "s3://" + d.S3.Bucket
	case d.Directory != nil:
		return "file://" + d.Directory.Path
	}
	return ""
}

// Address is the place with the store that it is in: buckets of one name at two endpoints are two.
func (d Destination) Address() string {
	switch {
	case d.S3 == nil:
		return d.Place()
	case d.S3.Endpoint == "":
		return d.Place() + " of Amazon"
	}
	return d.Place() + " at " + strings.TrimRight(d.S3.Endpoint, "/")
}

// Directory is a tree of files on this machine.
type Directory struct {
	Path string `json:"path" yaml:"path"` // of the directory, made if it is not there; a relative one starts at the working directory
}

// Encode is the definition's JSON form, the same for equal definitions.
func (s Stream) Encode() []byte {
	data, err := json.Marshal(s)
	if err != nil {
		panic("stream: a definition is always JSON: " + err.Error()) // only strings, numbers and maps of strings
	}
	return data
}

// Decode reads what Encode wrote. A member that is not known is an error: a definition made by a later release may rest
// on it, and to serve the rest alone would put records elsewhere than promised.
func Decode(data []byte) (Stream, error) {
	var s Stream
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&s); err != nil {
		return Stream{}, fmt.Errorf("decode a stream's definition: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Stream{}, errors.New("decode a stream's definition: more text follows it")
	}
	return s, nil
}
