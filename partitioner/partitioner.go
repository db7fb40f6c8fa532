package partitioner

import (
	"fmt"

	"hydrant/stream"
	"hydrant/stream/expr"
)

// Logic is the version of the rules by which Process turns a record into its outputs, the texts of its error messages,
// the time zone data and the names of time zones included. It is kept with each version of a definition, and a binary that
// does not know a stored one refuses to start. Whatever changes an output of any record must raise it.
//
// Logic 1 partitions records as they are, by paths. Logic 2 has processing, functions and queries besides, and is
// otherwise the same.
const Logic = 2

// LogicOf is the oldest version of the rules that a definition can be served by.
func LogicOf(s stream.Stream) uint32 {
	if !s.Processing.IsZero() || s.Transform != nil {
		return 2
	}
	for _, source := range s.PartitionKeys {
		if _, err := expr.ParsePath(source); err != nil {
			return 2
		}
	}
	return 1
}

// The error output types of records that cannot be processed or partitioned, and of those that cannot be decompressed.
const (
	ProcessingFailed    = "processing-failed"
	DecompressionFailed = "decompression-failed"
)

// Firehose's error code for a record without a usable key, and ours, in its form, for a key that no store could take,
// for a record without a usable event time, and for one that cannot be taken apart.
const (
	extractionFailed = "DynamicPartitioning.MetadataExtractionFailed"
	keyTooLong       = "DynamicPartitioning.KeyTooLong"
	timeFailed       = "DynamicPartitioning.EventTimeFailed"
	notGzip          = "Decompression.InvalidGzip"
	tooLarge         = "Decompression.TooLarge"
	notLogs          = "CloudWatchLogProcessing.InvalidRecord"
	notJSON          = "RecordDeAggregation.InvalidJson"
	tooMany          = "RecordDeAggregation.TooManyRecords"
	tooManyFailures  = "Processing.TooManyFailures"
	activeExceeded   = "DynamicPartitioning.ActivePartitionsExceeded"
)

// maxKept bounds the memory that a single long prefix may leave behind.
const maxKept = 64 << 10

// Output is what goes into one partition: into the one of its Prefix and Error together. Both slices must not be changed.
type Output struct {
	Prefix []byte // as evaluated, the part of the key before the file name; good until the next Process
	Error  string // the error output type; empty for data
	Data   []byte // a record, good as long as the Prefix and the record that came in; or a line of error output with its line feed
	Extra  bool   // one more than the one that came in: the record holds several
}

// Partitioner partitions the records of one version of one stream. It is for one goroutine; each lane makes its own.
type Partitioner struct {
	splitter    *splitter // nil where each record is one
	prefix      *expr.Evaluator
	errorPrefix map[string]*expr.Evaluator // by error output type
	keys        *keySource                 // nil where records are never looked into
	time        *eventTime                 // nil where a record's time is its arrival
	fileName    int                        // size of the longest file name behind a prefix

	evaluated []byte // the prefixes of the last record's outputs, one behind another
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
	event, err := newEventTime(s, prefix.Keys(), zone)
	if err != nil {
		return nil, fmt.Errorf("time.%w", err)
	}
	keys, err := newKeySource(s, prefix.Keys(), event)
	if err != nil {
		return nil, err
	}
	p := &Partitioner{
		splitter:    newSplitter(s),
		prefix:      prefix.Evaluator(zone, ""),
		errorPrefix: map[string]*expr.Evaluator{},
		keys:        keys,
		time:        event,
		fileName:    s.LongestFileName(),
	}
	for _, kind := range []string{ProcessingFailed, DecompressionFailed} {
		p.errorPrefix[kind] = errorPrefix.Evaluator(zone, kind)
	}
	return p, nil
}

// Process appends the outputs of one record to out: one, or where the definition takes records apart, as many as it
// holds. It is a pure function of the record, its arrival in Unix milliseconds and the definition, whichever Partitioner
// computes it and whatever that one has seen before. Time in a prefix is the record's own: its event time where the
// definition has one, or else its arrival. It does not fail: a record that cannot be taken apart, or one in it that cannot
// be keyed, is an output to the error prefix.
func (p *Partitioner) Process(out []Output, _ uint64, arrival int64, data []byte) []Output {
	if p.evaluated = p.evaluated[:0]; cap(p.evaluated) > maxKept {
		p.evaluated = nil
	}
	if p.splitter == nil {
		return append(out, p.place(arrival, data, nil, nil))
	}
	pieces, refused := p.splitter.split(data)
	if refused != nil {
		return append(out, p.failed(arrival, data, refused))
	}
	start, failures := len(out), 0
	for i, one := range pieces {
		o := p.place(arrival, one.data, nil, func() []byte { return p.splitter.raw(data, i) })
		o.Extra = i > 0
		if out = append(out, o); o.Error == "" {
			continue
		}
		if failures += len(o.Data); failures > maxFailures {
			return append(out[:start], p.failed(arrival, data, refuse(tooManyFailures,
				"the records in it that cannot be partitioned make more than %d bytes of error output", maxFailures)))
		}
	}
	return out
}

// OneForOne reports whether each record has exactly one output, and comes to it by paths alone, if at all. The outputs of
// several records can then be kept, with copies of their prefixes.
func (p *Partitioner) OneForOne() bool {
	return p.splitter == nil && (p.keys == nil || len(p.keys.queries)+len(p.keys.answers) == 0)
}

// Exceeded is what becomes of a record's output i, where its partition would be one too many. Process has just returned it,
// or where records are OneForOne, has at any time, of any Partitioner of the definition. Whether a partition is one too many
// depends on more than the record: the caller writes that down.
func (p *Partitioner) Exceeded(arrival int64, data []byte, i int, out *Output) Output {
	raw := out.Data
	if p.splitter != nil {
		raw = p.splitter.raw(data, i)
	} else {
		p.evaluated = p.evaluated[:0] // Process may not come between: the record has no other output
	}
	return p.exceeded(arrival, raw, out)
}

// ExceededOutcome is Exceeded for the output of what a function made of a record.
func (p *Partitioner) ExceededOutcome(arrival int64, journaled []byte, out *Output) Output {
	raw := out.Data
	if o, err := DecodeOutcome(journaled); err == nil && o.Raw != nil {
		raw = o.Raw
	}
	return p.exceeded(arrival, raw, out)
}

func (p *Partitioner) exceeded(arrival int64, raw []byte, out *Output) Output {
	o := p.failed(arrival, raw, &refusal{ProcessingFailed, activeExceeded, "as many partitions as may be are active, and the record belongs to another one"})
	o.Extra = out.Extra
	return o
}

// place is the output of one record, with what a function made of it, if there was one. raw is what an error output keeps
// of it; nil for the record itself.
func (p *Partitioner) place(arrival int64, data []byte, answer *Outcome, raw func() []byte) Output {
	fail := func(code, message string) Output {
		if raw != nil {
			data = raw()
		}
		return p.failed(arrival, data, &refusal{ProcessingFailed, code, message})
	}
	var values [][]byte
	if p.keys != nil {
		var err error
		if values, err = p.keys.extract(data, answer); err != nil {
			return fail(p.keys.blame(err))
		}
	}
	prefix, at := p.prefix, arrival
	if p.time != nil {
		var err error
		if prefix, at, err = p.time.choose(p.prefix, arrival, values[len(values)-1]); err != nil {
			return fail(timeFailed, err.Error())
		}
	}
	start := len(p.evaluated)
	p.evaluated = prefix.Append(p.evaluated, at, values)
	if err := stream.CheckKey(p.evaluated[start:], p.fileName); err != nil {
		if p.evaluated = p.evaluated[:start]; start == 0 && cap(p.evaluated) > maxKept {
			p.evaluated = nil
		}
		return fail(keyTooLong, err.Error())
	}
	return Output{Prefix: p.evaluated[start:len(p.evaluated):len(p.evaluated)], Data: data}
}

func (p *Partitioner) failed(arrival int64, raw []byte, why *refusal) Output {
	return Output{
		Prefix: p.errorPrefixOf(why.kind, arrival),
		Error:  why.kind,
		Data:   failure{arrival: arrival, code: why.code, message: why.message, record: raw, attempts: 1, ended: arrival}.line(),
	}
}

func (p *Partitioner) errorPrefixOf(kind string, arrival int64) []byte {
	start := len(p.evaluated)
	p.evaluated = p.errorPrefix[kind].Append(p.evaluated, arrival, nil)
	return p.evaluated[start:len(p.evaluated):len(p.evaluated)]
}
