package stream

import (
	"unicode/utf8"

	"hydrant/stream/expr"
)

// Backup is a second copy of every record, as it came in, at a destination of its own. A record is settled when it is at
// both; one destination that is away does not keep the other one waiting.
type Backup struct {
	Buffering   Buffering `json:"buffering" yaml:"buffering"`
	Prefix      string    `json:"prefix" yaml:"prefix"`           // of the copies' keys, without partition keys; empty means backup/<name>/yyyy/MM/dd/HH/
	Compression string    `json:"compression" yaml:"compression"` // none, gzip, zstd, snappy, hadoop-snappy, zip; empty means gzip

	// Delimiter is added after each record that does not end with it, at delivery; none given means the stream's.
	Delimiter *string `json:"delimiter" yaml:"delimiter"`

	Logging Logging `json:"-" yaml:"-"`

	Destination Destination `json:"destination" yaml:"destination"`
}

// Logging names the place among a company's logs where delivery tells of its errors. It says nothing about records, so it
// is no part of a definition's versions. The zero value has none.
type Logging struct {
	Group, Stream string
}

// backupErrors stands in for the error prefix of a backup, which has no error output: no copy can fail but for its
// destination.
const backupErrors = "errors/!{firehose:error-output-type}/"

// AsBackup is the definition that the stream's backup is delivered under; false if there is none. It has every default, and
// none of what the stream does to its records. Timestamps are of the stream's time zone.
func (s Stream) AsBackup() (Stream, bool) {
	b := s.Backup
	if b == nil {
		return Stream{}, false
	}
	return Stream{
		Name: s.Name, Revision: s.Revision, TimeZone: s.TimeZone,
		Buffering: b.Buffering, Prefix: b.Prefix, ErrorPrefix: backupErrors, Compression: b.Compression, Delimiter: b.Delimiter,
		Logging: b.Logging, Destination: b.Destination,
	}.WithDefaults(), true
}

// withDefaults completes the backup of a stream that has its own defaults.
func (b *Backup) withDefaults(s Stream) *Backup {
	full := *b
	if full.Prefix == "" {
		full.Prefix = "backup/" + s.Name + "/"
	}
	if full.Delimiter == nil {
		full.Delimiter = s.Delimiter
	}
	s.Backup = &full
	d, _ := s.AsBackup()
	full.Buffering, full.Prefix, full.Compression = d.Buffering, d.Prefix, d.Compression
	return &full
}

// backup checks the definition that the backup is delivered under, as far as it is the backup's own.
func (v *validation) backup() {
	d, ok := v.stream.AsBackup()
	if !ok {
		return
	}
	own := validation{stream: d}
	own.buffering()
	own.copyPrefix()
	own.object()
	if !utf8.ValidString(*d.Delimiter) {
		own.add("delimiter", "%q is not UTF-8", *d.Delimiter)
	}
	own.destination()
	for _, fault := range own.faults {
		v.add("backup."+fault.Path, "%s", fault.Message)
	}
}

// copyPrefix checks the prefix of records that nobody looks into.
func (v *validation) copyPrefix() {
	const path = "prefix"
	template := v.template(path, v.stream.Prefix)
	if template == nil {
		return
	}
	if template.ErrorType() {
		v.add(path, "!{firehose:error-output-type} is for error_prefix only: remove it")
	}
	if keys := template.Keys(); len(keys) > 0 {
		v.add(path, "the partition key %q cannot be used here, since a backup is of records as they came in: remove it", expr.KeyName(keys[0]))
	}
	v.key(path, template)
}

// doubled warns of a backup whose readers would find each record twice.
func (v *validation) doubled() {
	d, ok := v.stream.AsBackup()
	if !ok || d.Prefix != v.stream.Prefix || d.Destination.Address() != v.stream.Destination.Address() {
		return
	}
	v.add("backup", "it goes to the same prefix of the same destination as the stream: whoever reads there finds each record twice")
}
