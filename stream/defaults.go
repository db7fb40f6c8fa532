package stream

import (
	"time"

	"hydrant/stream/expr"
)

// appendedTime is what Firehose appends to a prefix without expressions, with no slash put in between.
const appendedTime = "!{timestamp:yyyy/MM/dd/HH}/"

// WithDefaults returns the definition with every member that was left out filled in, and with Firehose's completion of
// prefixes that hold no expression: to a prefix it appends the time, to an error prefix the error output type and the
// time. Applied twice it changes nothing more.
func (s Stream) WithDefaults() Stream {
	if s.Buffering.Size == 0 {
		s.Buffering.Size = 64 * MiB
	}
	if s.Buffering.Interval == 0 {
		s.Buffering.Interval = Duration(time.Minute)
	}
	if s.Prefix == "" {
		s.Prefix = s.Name + "/"
	}
	if s.ErrorPrefix == "" {
		s.ErrorPrefix = "errors/" + s.Name + "/"
	}
	if !expr.HasExpression(s.Prefix) {
		s.Prefix += appendedTime
	}
	if !expr.HasExpression(s.ErrorPrefix) {
		s.ErrorPrefix += "!{firehose:error-output-type}/" + appendedTime
	}
	if s.Time != nil {
		s.Time = s.Time.withDefaults(s.Name)
	}
	if s.TimeZone == "" {
		s.TimeZone = "UTC"
	}
	if s.Compression == "" {
		s.Compression = "gzip"
	}
	if s.Delimiter == nil {
		s.Delimiter = new("\n")
	}
	if s.Transform != nil {
		s.Transform = s.Transform.withDefaults()
	}
	if s.Backup != nil {
		s.Backup = s.Backup.withDefaults(s)
	}
	return s
}
