package bench

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"time"

	"github.com/alecthomas/kong"
)

// Limits of the options. The largest record is Firehose's: 1,000 KiB, of which one byte is the line feed.
const (
	maxRecordSize   = 1_024_000 - 1
	maxConnections  = 100_000
	maxKeys         = 1_000_000
	maxSkew         = 10
	maxNativeBatch  = 100_000
	maxAWSBatch     = 500
	maxAWSBatchSize = 4 << 20

	defaultDuration = 10 * time.Second
)

// The APIs that Run can speak.
const (
	Native   = "native"   // POST /v1/streams/{stream}/records
	Firehose = "firehose" // PutRecord and PutRecordBatch
)

// Options say what load to make. Start from DefaultOptions.
type Options struct {
	URL         []string      `name:"url" default:"http://127.0.0.1:8080" env:"HYDRANT_URL" help:"Gateway to send to; several are used in turn by the connections."`
	Stream      string        `default:"demo" help:"Stream to send to."`
	API         string        `name:"api" enum:"native,firehose" default:"native" help:"API to speak: native or firehose."`
	Batch       int           `default:"1" help:"Records in a request; 1 is a PutRecord, more are a PutRecordBatch."`
	Body        string        `enum:"auto,json,ndjson,protobuf,octet-stream" default:"auto" help:"Form of a native body: auto (json for one record, ndjson for more), json, ndjson, protobuf, octet-stream."`
	Encoding    string        `enum:"identity,gzip,zstd,snappy" default:"identity" help:"Content-Encoding of a native body: identity, gzip, zstd, snappy."`
	Size        int           `default:"512" help:"Size of a record in bytes, without its line feed."`
	MaxSize     int           `placeholder:"BYTES" help:"Largest record: sizes are spread evenly from --size to this (default: all are --size)."`
	Keys        int           `default:"16" help:"Distinct values of the records' key field."`
	Skew        float64       `default:"0" help:"How unevenly the keys are drawn: the i-th i^-SKEW times as often as the first (0: all alike; 1: as users and hosts are)."`
	Input       []string      `placeholder:"FILE" help:"JSON array or NDJSON whose values the records carry in turn, as their data, instead of a pad of some --size; several may be given."`
	Connections int           `default:"64" help:"Connections, each with one request at a time."`
	Duration    time.Duration `help:"How long to send, after the warm-up (default 10s, or no limit if --records is given)."`
	Records     int64         `help:"How many records to send at most, those of the warm-up counted (0: no limit)."`
	Rate        float64       `help:"Records a second, with latency counted from the intended time (0: each connection sends as fast as it is answered)."`
	Warmup      time.Duration `default:"0s" help:"How long to send before measuring begins."`
	Timeout     time.Duration `default:"30s" help:"How long to wait for an answer."`
	Ledger      string        `placeholder:"FILE" help:"File to which the outcome of every record is appended, for bench verify."`

	Credentials

	// Dial, where it is set, makes what carries a producer's bodies, in place of HTTP to the URLs.
	Dial func(producer int) (Carrier, error) `kong:"-"`
}

// DefaultOptions are the options of `hydrant bench` without flags.
func DefaultOptions() Options {
	var o Options
	if err := kong.ApplyDefaults(&o); err != nil {
		panic("bench: the options' own defaults are valid: " + err.Error()) // they are constants of this file
	}
	return o
}

var streamName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,64}$`)

// Validate names the first option that cannot be used, its limits and what it is. Kong calls it after parsing.
func (o *Options) Validate() error {
	for _, check := range []func() error{o.checkTarget, o.checkShape, o.checkBatch, o.checkTime, o.checkCredentials} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (o *Options) checkTarget() error {
	if len(o.URL) == 0 && o.Dial == nil {
		return fmt.Errorf("url: at least one is needed")
	}
	for _, text := range o.URL {
		u, err := url.Parse(text)
		if err != nil {
			return fmt.Errorf("url: %w", err)
		}
		if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
			return fmt.Errorf("url: %q is not of the form http://HOST:PORT or https://HOST:PORT", text)
		}
	}
	if !streamName.MatchString(o.Stream) {
		return fmt.Errorf("stream: %q is not 1 to 64 letters, digits, '_', '.' or '-'", o.Stream)
	}
	if o.API != Native && o.API != Firehose {
		return fmt.Errorf("api: %q is neither native nor firehose", o.API)
	}
	return nil
}

func (o *Options) checkShape() error {
	for _, limit := range []struct {
		name            string
		value, min, max int
	}{
		{"size", o.Size, o.minRecordSize(), maxRecordSize},
		{"max-size", cmp.Or(o.MaxSize, o.Size), o.Size, maxRecordSize},
		{"keys", o.Keys, 1, maxKeys},
		{"connections", o.Connections, 1, maxConnections},
		{"batch", o.Batch, 1, maxNativeBatch},
	} {
		if limit.value < limit.min || limit.value > limit.max {
			return fmt.Errorf("%s: %d is not in %d to %d", limit.name, limit.value, limit.min, limit.max)
		}
	}
	if !(o.Skew >= 0 && o.Skew <= maxSkew) { // NaN is neither
		return fmt.Errorf("skew: %v is not in 0 to %d", o.Skew, maxSkew)
	}
	return nil
}

func (o *Options) checkBatch() error {
	if o.API != Firehose {
		return o.checkBody()
	}
	if o.Body != Auto || o.Encoding != Identity {
		return fmt.Errorf("body and encoding: %s and %s are for the native API, the Firehose API has one form", o.Body, o.Encoding)
	}
	if o.Batch > maxAWSBatch {
		return fmt.Errorf("batch: %d records, but a PutRecordBatch takes %d at most", o.Batch, maxAWSBatch)
	}
	return o.checkBatchSize(max(o.Size, o.MaxSize))
}

// checkBatchSize takes the size of the largest record.
func (o *Options) checkBatchSize(largest int) error {
	if bytes := o.Batch * (largest + 1); o.API == Firehose && bytes > maxAWSBatchSize {
		return fmt.Errorf("batch: %d records of %d bytes and a line feed are %d bytes, but a PutRecordBatch takes %d at most",
			o.Batch, largest, bytes, maxAWSBatchSize)
	}
	return nil
}

func (o *Options) checkBody() error {
	if !slices.Contains([]string{Auto, JSON, NDJSON, Protobuf, OctetStream}, o.Body) {
		return fmt.Errorf("body: %q is none of auto, json, ndjson, protobuf, octet-stream", o.Body)
	}
	if !slices.Contains([]string{Identity, Gzip, Zstd, Snappy}, o.Encoding) {
		return fmt.Errorf("encoding: %q is none of identity, gzip, zstd, snappy", o.Encoding)
	}
	if o.Body == OctetStream && o.Batch != 1 {
		return fmt.Errorf("batch: %d records, but an octet-stream is one", o.Batch)
	}
	return nil
}

func (o *Options) checkTime() error {
	if o.Duration < 0 || o.Warmup < 0 {
		return fmt.Errorf("duration and warmup: %v and %v must not be negative", o.Duration, o.Warmup)
	}
	if o.Timeout <= 0 {
		return fmt.Errorf("timeout: %v must be above 0", o.Timeout)
	}
	if o.Records < 0 {
		return fmt.Errorf("records: %d must not be negative", o.Records)
	}
	if !(o.Rate >= 0 && o.Rate <= 1e9) { // NaN is neither
		return fmt.Errorf("rate: %v records a second is not in 0 to 1e9", o.Rate)
	}
	return nil
}

// bounded gives a load without any end the default duration.
func (o Options) bounded() Options {
	if o.Duration == 0 && o.Records == 0 {
		o.Duration = defaultDuration
	}
	return o
}
