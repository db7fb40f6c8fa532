// Package partitioner decides where each record goes: it evaluates a stream's prefix for it, or, where that cannot be
// done, turns it into a line of error output.
package partitioner

import (
	"errors"
	"fmt"

	"hydrant/stream"
	"hydrant/stream/expr"
)

// Logic is the version of the rules by which Process turns a record into its outputs, the texts of its error messages,
// the time zone data and the names of time zones included. It is kept with each version of a definition, and a binary that
// does not know a stored one refuses to start. Whatever changes an output of any record must raise it.
const Logic = 1

// ProcessingFailed is the error output type of records that cannot be partitioned.
const ProcessingFailed = "processing-failed"

// Firehose's error code for a record without a usable key, and ours, in its form, for a key that no store could take and
// for a record without a usable event time.
const (
	extractionFailed = "DynamicPartitioning.MetadataExtractionFailed"
	keyTooLong       = "DynamicPartitioning.KeyTooLong"
	timeFailed       = "DynamicPartitioning.EventTimeFailed"
)

// maxKept bounds the memory that a single long prefix may leave behind.
const maxKept = 64 << 10

// Output is what goes into one partition: into the one of its Prefix and Error together. Both slices must not be changed.
type Output struct {
	Prefix []byte // as evaluated, the part of the key before the file name; good until the next Process
	Error  string // the error output type; empty for data
	Data   []byte // the record itself, or a line of error output with its line feed, which is the caller's to keep
}

// Partitioner partitions the records of one version of one stream. It is for one goroutine; each lane makes its own.
type Partitioner struct {
	prefix      *expr.Evaluator
	errorPrefix *expr.Evaluator
	keys        []string        // the names, in the order of the prefix's values
	extractor   *expr.Extractor // of the keys, then the event time; nil without either: then records are never parsed
	time        *eventTime      // nil where a record's time is its arrival
	fileName    int             // size of the longest file name behind a prefix

	evaluated []byte // the last prefix
}

// New returns a partitioner for a definition that has its defaults and is valid.
func New(s stream.Stream) (*Partitioner, error) {
	p, err := compile(s)
	if err != nil {
		return nil, fmt.Errorf("partitioner of stream %s: %w", s.Name, err)
	}
	return p, nil
}

func compile(s stream.Stream) (*Partitioner, error) {
	zone, err := stream.LoadZone(s.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("time_zone: %w", err)
	}
	prefix, err := expr.Parse(s.Prefix)
	if err != nil {
		return nil, fmt.Errorf("prefix: %w", err)
	}
	errorPrefix, err := expr.Parse(s.ErrorPrefix)
	if err != nil {
		return nil, fmt.Errorf("error_prefix: %w", err)
	}
	if keys := errorPrefix.Keys(); len(keys) > 0 {
		return nil, fmt.Errorf("error_prefix: the partition key %q cannot be used here", keys[0])
	}
	extractor, err := newExtractor(s, prefix.Keys())
	if err != nil {
		return nil, err
	}
	event, err := newEventTime(s, prefix.Keys(), zone)
	if err != nil {
		return nil, fmt.Errorf("time.%w", err)
	}
	return &Partitioner{
		prefix:      prefix.Evaluator(zone, ""),
		errorPrefix: errorPrefix.Evaluator(zone, ProcessingFailed),
		keys:        prefix.Keys(),
		extractor:   extractor,
		time:        event,
		fileName:    s.LongestFileName(),
	}, nil
}

func newExtractor(s stream.Stream, keys []string) (*expr.Extractor, error) {
	if len(keys) == 0 && s.Time == nil {
		return nil, nil
	}
	paths := make([]expr.Path, len(keys), len(keys)+1)
	for i, key := range keys {
		source, declared := s.PartitionKeys[key]
		if !declared {
			return nil, fmt.Errorf("prefix: the partition key %q is not declared", key)
		}
		path, err := expr.ParsePath(source)
		if err != nil {
			return nil, fmt.Errorf("partition_keys.%s: %w", key, err)
		}
		paths[i] = path
	}
	if s.Time != nil {
		path, err := expr.ParsePath(s.Time.Field)
		if err != nil {
			return nil, fmt.Errorf("time.field: %w", err)
		}
		paths = append(paths, path)
	}
	return expr.NewExtractor(paths...), nil
}

// Process appends the outputs of one record to out: one in this version. It is a pure function of the record, its arrival
// in Unix milliseconds and the definition, whichever Partitioner computes it and whatever that one has seen before. Time
// in a prefix is the record's own: its event time where the definition has one, or else its arrival. It does not fail: a
// record that cannot be keyed is an output to the error prefix.
func (p *Partitioner) Process(out []Output, _ uint64, arrival int64, data []byte) []Output {
	var values [][]byte
	if p.extractor != nil {
		var err error
		if values, err = p.extractor.Extract(data); err != nil {
			code, message := p.blame(err)
			return append(out, p.failed(arrival, data, code, message))
		}
	}
	prefix, at := p.prefix, arrival
	if p.time != nil {
		var err error
		if prefix, at, err = p.time.choose(p.prefix, arrival, values[len(p.keys)]); err != nil {
			return append(out, p.failed(arrival, data, timeFailed, err.Error()))
		}
	}
	p.evaluated = prefix.Append(p.evaluated[:0], at, values)
	if err := stream.CheckKey(p.evaluated, p.fileName); err != nil {
		if cap(p.evaluated) > maxKept {
			p.evaluated = nil
		}
		return append(out, p.failed(arrival, data, keyTooLong, err.Error()))
	}
	return append(out, Output{Prefix: p.evaluated, Data: data})
}

// blame names the partition key, or the event time, where a single value is to blame. It quotes nothing with %q, which
// follows Unicode's tables and so the release of Go.
func (p *Partitioner) blame(err error) (code, message string) {
	var value *expr.ValueError
	switch {
	case !errors.As(err, &value):
		return extractionFailed, err.Error()
	case value.Path == len(p.keys):
		return timeFailed, p.time.fault(value.Reason)
	}
	return extractionFailed, fmt.Sprintf("the partition key %s (%s) %s", p.keys[value.Path], value.Source, value.Reason)
}

func (p *Partitioner) failed(arrival int64, data []byte, code, message string) Output {
	p.evaluated = p.errorPrefix.Append(p.evaluated[:0], arrival, nil)
	return Output{
		Prefix: p.evaluated,
		Error:  ProcessingFailed,
		Data:   failure{arrival: arrival, code: code, message: message, record: data}.line(),
	}
}
