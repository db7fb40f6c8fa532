package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"hydrant/bench"
	"hydrant/delivery/replay"
	"hydrant/stream"
)

// replayCommand sends delivered records through a running node again.
type replayCommand struct {
	Errors  replayErrorsCommand  `cmd:"" help:"Send what the error output kept, as it came in, through a stream whose definition was mended."`
	Records replayRecordsCommand `cmd:"" help:"Send the records of data objects into a stream."`
}

type replayErrorsCommand struct {
	replayOptions
}

func (c *replayErrorsCommand) Run(ctx context.Context, to console) error {
	return c.replay(ctx, to, replay.Errors{})
}

type replayRecordsCommand struct {
	replayOptions
	Delimiter string `default:"\\n" help:"The delimiter of the stream that delivered the objects. Go's escapes are understood."`
}

// Validate is called by kong.
func (c *replayRecordsCommand) Validate() error {
	if delimiter, err := unescape(c.Delimiter); err != nil || delimiter == "" {
		return fmt.Errorf("delimiter: %q is none: without one the records of an object cannot be told apart; write it as in \\n", c.Delimiter)
	}
	return c.replayOptions.Validate()
}

func (c *replayRecordsCommand) Run(ctx context.Context, to console) error {
	delimiter, err := unescape(c.Delimiter)
	if err != nil {
		return err
	}
	return c.replay(ctx, to, replay.Records{Delimiter: delimiter})
}

// unescape reads what a shell leaves of "\n".
func unescape(text string) (string, error) {
	return strconv.Unquote(`"` + strings.ReplaceAll(text, `"`, `\"`) + `"`)
}

// replayOptions are common to all that is replayed.
type replayOptions struct {
	Dir       string `required:"" xor:"source" placeholder:"DIR" help:"Directory with the originals; names that begin with a dot are not read."`
	S3        string `name:"s3" required:"" xor:"source" placeholder:"s3://BUCKET/PREFIX" help:"Bucket with the originals, and the prefix to read; credentials come from the AWS default chain."`
	Endpoint  string `placeholder:"URL" help:"Endpoint of an S3-compatible store other than AWS."`
	PathStyle bool   `help:"Address the bucket in the path, as most stores other than AWS want it."`

	From     time.Time `placeholder:"TIME" help:"Only objects whose oldest record arrived then or later, such as 2026-01-31T15:00:00Z."`
	To       time.Time `placeholder:"TIME" help:"Only objects whose oldest record arrived before."`
	TimeZone string    `default:"UTC" help:"Time zone of the times in the objects' names: the time_zone of the stream that delivered them."`

	URL    string `help:"Address of the node." default:"http://127.0.0.1:8080" env:"HYDRANT_URL"`
	Stream string `required:"" help:"Stream that the records go to."`
	APIKey string `name:"api-key" placeholder:"VARIABLE" help:"Environment variable that holds the API key to send."`

	DryRun bool   `help:"Show the plan, count the records, and send nothing."`
	Rate   int64  `help:"Records a second at most; 0 means as fast as the node takes them."`
	State  string `placeholder:"FILE" help:"File that keeps what was replayed, for originals that nothing can be written beside. Default: .hydrant-replay/ beside the originals."`
	Delete bool   `help:"Delete each original all of whose records were acknowledged."`
}

// Validate names the first option that cannot be used. Kong calls it after parsing.
func (o *replayOptions) Validate() error {
	switch {
	case (o.Dir == "") == (o.S3 == ""):
		return errors.New("dir and s3: exactly one is needed")
	case o.Rate < 0:
		return fmt.Errorf("rate: %d must not be negative", o.Rate)
	case !o.From.IsZero() && !o.To.IsZero() && !o.From.Before(o.To):
		return fmt.Errorf("to: %v is not behind from, %v", o.To.Format(time.RFC3339), o.From.Format(time.RFC3339))
	}
	if err := checkKeyVariable(o.APIKey); err != nil {
		return err
	}
	if _, err := stream.LoadZone(o.TimeZone); err != nil {
		return fmt.Errorf("time-zone: %w", err)
	}
	return nil
}

func (o *replayOptions) replay(ctx context.Context, to console, form replay.Form) error {
	source, err := o.source(ctx)
	if err != nil {
		return err
	}
	zone, err := stream.LoadZone(o.TimeZone)
	if err != nil {
		return err
	}
	return replay.Run(ctx, replay.Options{
		Source:     source,
		Form:       form,
		Selection:  replay.Selection{From: o.From, To: o.To, Zone: zone},
		Node:       replay.Node{URL: o.URL, Stream: o.Stream, APIKey: os.Getenv(o.APIKey)},
		Decompress: bench.Decompress,
		State:      o.State,
		Rate:       o.Rate,
		Delete:     o.Delete,
		DryRun:     o.DryRun,
		Out:        to.Out,
		Progress:   to.Err,
	})
}

func (o *replayOptions) source(ctx context.Context) (replay.Source, error) {
	if o.Dir != "" {
		path, err := filepath.Abs(o.Dir)
		return replay.Directory{Path: path}, err
	}
	bucket, prefix, err := bench.ParseBucket(o.S3)
	if err != nil {
		return nil, err
	}
	client, err := bench.NewS3Client(ctx, o.Endpoint, o.PathStyle)
	return replay.Bucket{Client: client, Bucket: bucket, Prefix: prefix}, err
}
