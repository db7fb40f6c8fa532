package stream

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"hydrant/stream/expr"
	"hydrant/stream/jq"
)

// Processing is what is done to a record before its partition is chosen, in the order of the members, which is
// Firehose's. One record may become many, or none.
type Processing struct {
	// Decompression is gzip for records that are compressed, as those of CloudWatch Logs; empty to take them as they are.
	Decompression string `json:"decompression,omitempty" yaml:"decompression"`

	// CloudWatchLogs is messages to make each log event's message a record of its own, with a line feed, and to drop
	// control messages; empty to leave records of CloudWatch Logs as they are. It needs decompression.
	CloudWatchLogs string `json:"cloudwatch_logs,omitempty" yaml:"cloudwatch_logs"`

	Deaggregation *Deaggregation `json:"deaggregation,omitempty" yaml:"deaggregation"` // nil takes a record as one
}

// Deaggregation takes a record that holds several apart.
type Deaggregation struct {
	// Type is json for JSON texts one after another, with or without space between them, or delimited.
	Type string `json:"type" yaml:"type"`

	// Delimiter stands between the records of type delimited, and is in none of them.
	Delimiter string `json:"delimiter,omitempty" yaml:"delimiter"`
}

// The values of Processing's members.
const (
	DecompressionGzip      = "gzip"
	CloudWatchLogsMessages = "messages"
	DeaggregationJSON      = "json"
	DeaggregationDelimited = "delimited"
)

// maxDelimiter is far above what anybody puts between records, in bytes.
const maxDelimiter = 1024

// IsZero reports whether nothing is done.
func (p Processing) IsZero() bool { return p == Processing{} }

func (v *validation) processing() {
	const path = "processing."
	p := v.stream.Processing
	if p.Decompression != "" && p.Decompression != DecompressionGzip {
		v.add(path+"decompression", "%q is not supported: write gzip, or leave it out", p.Decompression)
	}
	switch {
	case p.CloudWatchLogs == "":
	case p.CloudWatchLogs != CloudWatchLogsMessages:
		v.add(path+"cloudwatch_logs", "%q is not supported: write messages, or leave it out", p.CloudWatchLogs)
	case p.Decompression == "":
		v.add(path+"cloudwatch_logs", "records of CloudWatch Logs are compressed: add decompression: gzip")
	}
	if p.Deaggregation != nil {
		v.deaggregation(*p.Deaggregation)
	}
}

func (v *validation) deaggregation(d Deaggregation) {
	const path = "processing.deaggregation."
	switch {
	case d.Type != DeaggregationJSON && d.Type != DeaggregationDelimited:
		v.add(path+"type", "%q is not supported: write json or delimited", d.Type)
	case d.Type == DeaggregationJSON && d.Delimiter != "":
		v.add(path+"delimiter", "JSON texts need no delimiter: remove it, or write type: delimited")
	case d.Type == DeaggregationDelimited && d.Delimiter == "":
		v.add(path+"delimiter", "the delimiter is missing: write what stands between the records, such as \"####\"")
	case len(d.Delimiter) > maxDelimiter:
		v.add(path+"delimiter", "the delimiter has %d bytes; the limit is %d", len(d.Delimiter), maxDelimiter)
	case !utf8.ValidString(d.Delimiter):
		v.add(path+"delimiter", "%q is not UTF-8", d.Delimiter)
	}
}

// partitionKeys checks that each key's value can be found: by a path, or else by a query of jq.
func (v *validation) partitionKeys() {
	for _, key := range slices.Sorted(maps.Keys(v.stream.PartitionKeys)) {
		if err := checkQuery(v.stream.PartitionKeys[key]); err != nil {
			v.add("partition_keys."+key, "%v", err)
		}
	}
}

func checkQuery(source string) error {
	_, notPath := expr.ParsePath(source)
	if notPath == nil {
		return nil
	}
	if source == "" || !utf8.ValidString(source) {
		return notPath
	}
	query, err := jq.Compile(source)
	if err != nil {
		return err
	}
	var limit *jq.LimitError
	if _, err := query.Run(map[string]any{}); errors.As(err, &limit) {
		return fmt.Errorf("the query %s %w, even of an empty one", source, limit)
	}
	return nil
}
