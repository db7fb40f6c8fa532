package suite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"time"

	"github.com/alecthomas/kong"
	"github.com/dustin/go-humanize"

	"hydrant/bench"
)

// Command is `hydrant bench suite`, to be embedded in a kong grammar as bench.Command is.
type Command struct {
	Run     RunCommand     `cmd:"" default:"withargs" help:"Measure this machine (the default)."`
	Compare CompareCommand `cmd:"" help:"Compare the results of two runs."`
	Table   TableCommand   `cmd:"" help:"Print a result as Markdown."`
	Curves  CurvesCommand  `cmd:"" help:"Print the curves of what grows as a picture (SVG)."`
}

// Options say what to measure, and how long.
type Options struct {
	Dir       string        `default:"." type:"existingdir" placeholder:"DIR" help:"Directory on the disk to measure. All that is written goes below it and is removed at the end."`
	Rows      string        `placeholder:"REGEXP" help:"Measure only the rows whose names match."`
	Repeats   int           `default:"5" help:"How often each row is measured; medians count."`
	Duration  time.Duration `default:"5s" help:"How long each load lasts, after its warm-up."`
	Warmup    time.Duration `default:"1s" help:"How long each server is warmed up."`
	Backlog   string        `default:"512MiB" help:"Size of the backlogs that nodes are started on and deliver from."`
	Note      string        `placeholder:"TEXT" help:"Kept with the result, such as what else the machine did."`
	Quick     bool          `help:"A run of less than a minute that shows that everything works; its figures mean little."`
	S3        string        `name:"s3" placeholder:"s3://BUCKET/PREFIX" help:"Deliver under load to this store, with credentials from the AWS default chain, instead of a server that discards. What is delivered stays there."`
	Endpoint  string        `placeholder:"URL" help:"Of that store (default: AWS)."`
	PathStyle bool          `help:"That store wants the bucket in the path."`

	Program string `kong:"-"` // Hydrant's binary; empty means this one
	Peers   []Peer `kong:"-"` // where there are some, they are measured beside a node, and nothing else is

	backlog    int64
	partitions int
	object     string // size of objects where ingest and delivery go on together
	selected   *regexp.Regexp
}

// Validate names the first option that cannot be used. Kong calls it after parsing.
func (o *Options) Validate() (err error) {
	o.partitions, o.object = 10_000, "16MiB"
	if o.Quick {
		o.Repeats, o.Duration, o.Warmup, o.Backlog = 1, 300*time.Millisecond, 100*time.Millisecond, "16MiB"
		o.partitions, o.object = 200, "1MiB"
	}
	if o.Repeats < 1 || o.Repeats > 1000 {
		return fmt.Errorf("repeats: %d is not in 1 to 1000", o.Repeats)
	}
	if o.Duration <= 0 || o.Warmup <= 0 {
		return fmt.Errorf("duration and warmup: %v and %v must be above 0", o.Duration, o.Warmup)
	}
	bytes, err := humanize.ParseBytes(o.Backlog)
	if err != nil || bytes < 1<<20 || bytes > 1<<40 {
		return fmt.Errorf("backlog: %q is no size of 1MiB to 1TiB", o.Backlog)
	}
	o.backlog = int64(bytes)
	if err := o.selectRows(); err != nil {
		return err
	}
	if o.S3 != "" && len(o.Peers) > 0 {
		return errors.New("s3: nothing is delivered beside peers")
	}
	if o.S3 != "" {
		_, _, err = ParseBucket(o.S3)
	}
	return err
}

func (o *Options) selectRows() (err error) {
	if o.selected, err = regexp.Compile(o.Rows); err != nil {
		return fmt.Errorf("rows: %w", err)
	}
	return nil
}

// inputBytes is the size of an input. What is sent again lies further back than any compressor's window here reaches.
func (o *Options) inputBytes() int {
	if o.Quick {
		return 1 << 20
	}
	return 4 << 20
}

func (o *Options) settings() Settings {
	return Settings{
		Repeats: o.Repeats, Duration: o.Duration.Seconds(), Warmup: o.Warmup.Seconds(), Backlog: o.backlog,
		Store: cmp.Or(o.S3, "a server that discards"),
	}
}

// RunCommand is `hydrant bench suite run`.
type RunCommand struct {
	Options
	JSON string `name:"json" placeholder:"FILE" help:"Write the result here."`
	Out  string `placeholder:"DIR" help:"Write the result here, as DATE-COMMIT.json and a page with plots, DATE-COMMIT.html."`
	List bool   `help:"Print the rows' names and what they measure, and measure nothing."`
}

// Run measures and prints a table. It fails if a row could not be measured in any of its repeats, or if it is interrupted,
// after all that was measured is written.
func (c *RunCommand) Run(ctx context.Context, cli *kong.Context) error {
	if c.List {
		return list(cli.Stdout, c.all())
	}
	result, err := Run(ctx, c.Options, cli.Stderr)
	if result == nil {
		return err
	}
	err = errors.Join(err, result.WriteText(cli.Stdout))
	if c.JSON != "" {
		err = errors.Join(err, bench.WriteFile(c.JSON, result.WriteJSON))
	}
	if c.Out != "" {
		err = errors.Join(err, c.keep(result, cli.Stdout))
	}
	return errors.Join(err, result.unmeasured())
}

// keep writes a result and its page into the directory of the options, and says where they are.
func (c *RunCommand) keep(r *Result, told io.Writer) error {
	base := filepath.Join(c.Out, r.Date.Format("2006-01-02T150405Z")+"-"+shorten(r.Commit))
	if err := errors.Join(bench.WriteFile(base+".json", r.WriteJSON), bench.WriteFile(base+".html", r.WriteHTML)); err != nil {
		return err
	}
	_, err := fmt.Fprintf(told, "\n%s.json has all of it, and %[1]s.html the plots.\n", base)
	return err
}

func list(w io.Writer, all []row) error {
	for _, r := range all {
		if _, err := fmt.Fprintf(w, "%-18s %s\n", r.name(), r.about()); err != nil {
			return err
		}
	}
	return nil
}

// shorten makes a commit fit a file name.
func shorten(commit string) string { return commit[:min(12, len(commit))] }
