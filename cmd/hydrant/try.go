package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"hydrant/delivery/format"
	"hydrant/partitioner"
	"hydrant/stream"
)

type tryCommand struct {
	Config  string `placeholder:"FILE" help:"Configuration file; without one, the built-in demonstration."`
	Stream  string `placeholder:"NAME" help:"The stream; not needed where the configuration has only one."`
	File    string `placeholder:"JSON" help:"Try this stream, and none of the configuration's: input of CreateDeliveryStream, or what describes a stream, as the aws CLI and hydrant streams describe --json print it."`
	Whole   bool   `help:"The input is one record; without it, each line is one."`
	JSON    bool   `help:"A line of JSON for each result."`
	Arrival string `placeholder:"TIME" help:"When the records arrive, as 2026-07-13T14:00:00Z; without it, now."`
	Call    bool   `help:"Call the stream's function if it is at a URL or in Lambda, as the node would. A module of WebAssembly is run without being asked."`
	Input   string `arg:"" optional:"" default:"-" help:"File of sample records; - for standard input."`
}

// tried is one result: where one record, or one of those in it, goes.
type tried struct {
	Input int    `json:"input"`         // the record's number, from 1
	Key   string `json:"key,omitempty"` // of the object, with what is not known yet in angle brackets
	partitioner.Explanation
	Text     string `json:"record"`             // in place of the bytes; base64 where they are not UTF-8
	Function string `json:"function,omitempty"` // that was not called: what would come of the record is not known
}

// evaluate returns what comes of each record.
func (c *tryCommand) evaluate(ctx context.Context, owner APIStreams, s stream.Stream, arrival time.Time, records [][]byte) ([][]tried, error) {
	p, err := partitioner.New(s)
	if err != nil {
		return nil, err
	}
	if s.Transform != nil {
		return c.evaluateFunction(ctx, owner, s, p, arrival.UnixMilli(), records)
	}
	results := make([][]tried, len(records))
	for i, record := range records {
		explained, err := p.Explain(arrival.UnixMilli(), record)
		if err != nil {
			return nil, err
		}
		results[i] = appendTried(nil, explained)
	}
	return results, nil
}

func appendTried(dst []tried, explained []partitioner.Explanation) []tried {
	for _, e := range explained {
		dst = append(dst, tried{Explanation: e})
	}
	return dst
}

// Run evaluates a stream's rules on sample records. It fails if one of them would go to the error output.
func (c *tryCommand) Run(ctx context.Context, to console) error {
	config, s, err := c.stream(to)
	if err != nil {
		return err
	}
	records, err := c.records()
	if err != nil {
		return err
	}
	arrival, err := c.arrival()
	if err != nil {
		return err
	}
	results, err := c.evaluate(ctx, config.APIStreams, s, arrival, records)
	if err != nil {
		return err
	}
	for i, outputs := range results {
		if err := c.show(to.Out, s, arrival, i+1, outputs); err != nil {
			return fmt.Errorf("print a result: %w", err)
		}
	}
	return summarize(to.Err, results)
}

// summarize tells what came of all records together. Its error says that some of them cannot be processed.
func summarize(to io.Writer, results [][]tried) error {
	var made, failed, waiting int
	for _, t := range slices.Concat(results...) {
		made++
		if t.Type != "" {
			failed++
		}
		if t.Function != "" {
			waiting++
		}
	}
	fmt.Fprintf(to, "%s in, %d out, %d of them to the error output\n", counted(int64(len(results)), "record"), made, failed)
	if waiting > 0 {
		fmt.Fprintf(to, "%d were not given to the function, so that neither it nor what comes behind it was tried: --call calls it\n", waiting)
	}
	if failed > 0 {
		return errors.New("not every record can be processed")
	}
	return nil
}

func (c *tryCommand) arrival() (time.Time, error) {
	if c.Arrival == "" {
		return time.Now(), nil
	}
	at, err := time.Parse(time.RFC3339, c.Arrival)
	if err != nil {
		return at, fmt.Errorf("--arrival %q is no time: write it as 2026-07-13T14:00:00Z", c.Arrival)
	}
	return at, nil
}

// stream is the definition to try, and the configuration that it is of.
func (c *tryCommand) stream(to console) (*Config, stream.Stream, error) {
	config, err := LoadServed(c.Config, os.Environ())
	if faults, ok := errors.AsType[Faults](err); ok {
		for _, fault := range faults {
			fmt.Fprintf(to.Err, "%s\n%s", fault, fault.Excerpt())
		}
		return nil, stream.Stream{}, fmt.Errorf("faults in the configuration: %d", len(faults))
	}
	if err != nil {
		return nil, stream.Stream{}, err
	}
	if c.File != "" {
		s, err := c.fromFile(config.APIStreams)
		return config, s, err
	}
	var names []string
	for _, s := range config.Streams {
		if s.Name == c.Stream || c.Stream == "" && len(config.Streams) == 1 {
			return config, s, nil
		}
		names = append(names, s.Name)
	}
	slices.Sort(names)
	if c.Stream == "" {
		return nil, stream.Stream{}, fmt.Errorf("which stream? write --stream with one of %s", strings.Join(names, ", "))
	}
	return nil, stream.Stream{}, fmt.Errorf("the configuration has no stream %s: it has %s", c.Stream, strings.Join(names, ", "))
}

func (c *tryCommand) records() ([][]byte, error) {
	var data []byte
	var err error
	if c.Input == "-" {
		data, err = io.ReadAll(os.Stdin)
	} else {
		data, err = os.ReadFile(c.Input)
	}
	if err != nil {
		return nil, fmt.Errorf("read the sample records: %w", err)
	}
	if c.Whole {
		return [][]byte{data}, nil
	}
	return slices.DeleteFunc(bytes.Split(data, []byte("\n")), func(line []byte) bool { return len(bytes.TrimSpace(line)) == 0 }), nil
}

func (c *tryCommand) show(to io.Writer, s stream.Stream, arrival time.Time, number int, results []tried) error {
	lines := json.NewEncoder(to)
	lines.SetEscapeHTML(false) // people read the angle brackets too
	if len(results) == 0 && !c.JSON {
		_, err := fmt.Fprintf(to, "%d  dropped: processing leaves nothing of it\n", number)
		return err
	}
	for _, result := range results {
		result.Input, result.Text = number, readable(result.Record)
		if result.Function == "" {
			result.Key = result.Prefix + fileName(s, arrival)
		}
		if !c.JSON {
			if err := result.print(to); err != nil {
				return err
			}
			continue
		}
		if err := lines.Encode(result); err != nil {
			return err
		}
	}
	return nil
}

func (t tried) print(to io.Writer) error {
	var out strings.Builder
	if t.Function == "" {
		fmt.Fprintf(&out, "%d  %s\n", t.Input, t.Key)
	} else {
		fmt.Fprintf(&out, "%d  not given to the function %s\n", t.Input, t.Function)
	}
	if t.Type != "" {
		fmt.Fprintf(&out, "   error   %s: %s\n", t.Code, t.Message)
	}
	for _, name := range slices.Sorted(maps.Keys(t.Values)) {
		fmt.Fprintf(&out, "   %s = %s\n", name, t.Values[name])
	}
	fmt.Fprintf(&out, "   record  %s\n", strings.TrimSuffix(t.Text, "\n"))
	_, err := io.WriteString(to, out.String())
	return err
}

// fileName is an object's, as far as it is known before there is one.
func fileName(s stream.Stream, arrival time.Time) string {
	zone, err := stream.LoadZone(s.TimeZone)
	if err != nil {
		zone = time.UTC
	}
	extension := s.FileExtension
	if codec, err := format.ByName(s.Compression); err == nil {
		extension = cmp.Or(extension, codec.Extension())
	}
	return fmt.Sprintf("%s-<version>-%s-<id>%s", s.Name, arrival.In(zone).Format("2006-01-02-15-04-05"), extension)
}

// readable is bytes as JSON and terminals take them.
func readable(data []byte) string {
	if utf8.Valid(data) {
		return string(data)
	}
	encoded, err := json.Marshal(data)
	if err != nil {
		return ""
	}
	return "base64:" + strings.Trim(string(encoded), `"`)
}
