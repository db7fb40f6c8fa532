package stream

import (
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"hydrant/stream/expr"
)

// longestErrorType is the longest error output type that Firehose has.
const longestErrorType = "AmazonOpenSearchService-failed"

// Warnings returns what is legal in a valid definition and yet hardly meant.
func (s Stream) Warnings() []Fault {
	template, err := expr.Parse(s.Prefix)
	if err != nil {
		return nil
	}
	v := validation{stream: s}
	interval := s.Buffering.Interval
	if finest := Duration(template.Finest()); finest > 0 && finest < interval {
		v.add("prefix", "the prefix changes every %v, more often than buffering.interval (%v) passes: objects will be "+
			"smaller than the buffering asks for; use a coarser timestamp or a shorter interval", finest, interval)
	}
	v.confused("prefix", template)
	v.doubled()
	if t := v.stream.Time; t != nil && template.Finest() == 0 && t.Late == 0 && t.Early == 0 {
		v.add("time", "nothing depends on the event time, and records without it go to the error output: write a "+
			"!{timestamp:...} in prefix or remove time")
	}
	return v.faults
}

// confused warns of the letters that people write for others.
func (v *validation) confused(path string, template *expr.Template) {
	if template.Uses('Y') && !template.Uses('w') {
		v.add(path, "Y is the week-based year, which is another than the calendar's around New Year: write y")
	}
	if template.Uses('D') && (template.Uses('M') || template.Uses('L')) {
		v.add(path, "D is the day of the year: write d for the day of the month")
	}
	if (template.Uses('h') || template.Uses('K')) && !template.Uses('a') {
		v.add(path, "h and K are hours of a half day, the same in the morning and in the evening: write H, or add a")
	}
}

func (v *validation) prefix() {
	template := v.data("prefix", v.stream.Prefix)
	if template == nil {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(v.stream.PartitionKeys)) {
		if !slices.Contains(template.Keys(), key) {
			v.add("partition_keys."+key, "the key is not used: write !{partitionKeyFromQuery:%s} in prefix or remove it", key)
		}
	}
}

// data checks a prefix of data and returns its template, nil where it has none.
func (v *validation) data(path, source string) *expr.Template {
	template := v.template(path, source)
	if template == nil {
		return nil
	}
	if template.ErrorType() {
		v.add(path, "!{firehose:error-output-type} is for error_prefix only: remove it")
	}
	for _, key := range template.Keys() {
		name, ofFunction := expr.FunctionKey(key)
		if _, declared := v.stream.PartitionKeys[key]; ofFunction && v.stream.Transform == nil {
			v.add(path, "the partition key %q comes from a function, and the stream has none: add transform, or remove the key", name)
		} else if !ofFunction && !declared {
			v.add(path, "the partition key %q is not declared: add it to partition_keys", key)
		}
	}
	v.key(path, template)
	return template
}

func (v *validation) errorPrefix() {
	const path = "error_prefix"
	template := v.template(path, v.stream.ErrorPrefix)
	if template == nil {
		return
	}
	if !template.ErrorType() {
		v.add(path, "an error prefix with expressions must use !{firehose:error-output-type}: add it")
	}
	if keys := template.Keys(); len(keys) > 0 {
		v.add(path, "the partition key %q cannot be used here, since a record in the error output may have none: remove "+
			"it", expr.KeyName(keys[0]))
	}
	v.key(path, template)
}

// template returns the compiled template, or nil and the faults.
func (v *validation) template(path, source string) *expr.Template {
	if len(source) > maxPrefix {
		v.add(path, "the prefix has %d bytes; the limit is %d", len(source), maxPrefix)
	}
	if !utf8.ValidString(source) || strings.ContainsFunc(source, unicode.IsControl) {
		v.add(path, "%q holds a control character or bytes that are not UTF-8: remove them", source)
	}
	template, err := expr.Parse(source)
	if err == nil {
		return template
	}
	for _, fault := range err.(interface{ Unwrap() []error }).Unwrap() {
		v.add(path, "%v", fault)
	}
	return nil
}

// key checks what every key under the template has in common. It judges one with timestamps that are as long as they get
// and values that stand for all: neither a timestamp nor a value is ever empty or dots alone, a value holds no slash, and
// a timestamp none but that of a time zone's name, so the segments are the same for every record. A line of error output
// therefore never has too long a key. Slashes in front or next to each other are kept by S3 but folded by a file system,
// where two partitions would fall together.
func (v *validation) key(path string, template *expr.Template) {
	zone, err := LoadZone(v.stream.TimeZone)
	if err != nil {
		zone = time.UTC // it has a fault of its own
	}
	key := template.Longest(zone, longestErrorType)
	if err := CheckKey(key, v.stream.LongestFileName()); err != nil {
		v.add(path, "%v: shorten the prefix%s", err, v.orExtension())
	}
	segments := strings.Split(string(key), "/")
	segments = segments[:len(segments)-1] // the rest is joined with the file name
	if slices.Contains(segments, ".") || slices.Contains(segments, "..") {
		v.add(path, `the prefix has a segment "." or "..", which object stores refuse: remove it`)
	}
	if v.stream.Destination.Directory != nil && slices.Contains(segments, "") {
		v.add(path, "the prefix begins with a slash or has two in a row, which a directory cannot keep: remove it")
	}
}
