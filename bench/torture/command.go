package torture

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kong"
)

// Options say what to try, and how long.
type Options struct {
	Seed       uint64         `placeholder:"N" help:"Decides the order of the faults and much of what they do (default: a random one, which is printed)."`
	Duration   time.Duration  `default:"2m" help:"How long faults are made, at most with --times or --records. The delivery of what is left and the verdict come after."`
	Faults     string         `default:"*" placeholder:"NAMES" help:"Faults to make, by name, with commas between and * for any letters; none for a run without. --list tells them all."`
	Times      map[string]int `mapsep:"," placeholder:"NAME=N,..." help:"Make these faults, in place of --faults and named as there, and end when each was made so often."`
	Records    int64          `default:"0" help:"Go on until the nodes have acknowledged so many records together (0: the time or --times decides)."`
	Nodes      int            `default:"2" help:"Nodes to run."`
	Rate       float64        `default:"2000" help:"Records a second, to each node."`
	StoreFails float64        `default:"0" placeholder:"SHARE" help:"Share of the requests to the store that fail all the time, from 0 to 0.9."`
	Pause      time.Duration  `default:"1s" help:"Longest pause between two faults."`
	Dir        string         `default:"." type:"existingdir" placeholder:"DIR" help:"All that is written goes below it and is removed at the end of a good run."`
	S3         string         `name:"s3" placeholder:"s3://BUCKET/PREFIX" help:"Deliver to this store, with credentials from the AWS default chain, instead of a small one of its own. What is delivered stays there."`
	Endpoint   string         `placeholder:"URL" help:"Endpoint of that store. It must take requests that are signed for another host's name, as most stores other than AWS do."`
	Program    string         `type:"existingfile" placeholder:"FILE" help:"Program to run as nodes (default: this one)."`
	Mutant     string         `placeholder:"NAME" help:"Spoil the run so, to see that the verdict finds it; --list tells them all."`

	selected []*fault
	wanted   map[string]int // by name, of those that Times speaks of
	mutant   *mutant
}

// Validate names the first option that cannot be used. Kong calls it after parsing.
func (o *Options) Validate() error {
	switch {
	case o.Duration <= 0 || o.Duration > 1000*time.Hour:
		return fmt.Errorf("duration: %v is not in 1 ns to 1,000 h", o.Duration)
	case o.Nodes < 1 || o.Nodes > 16:
		return fmt.Errorf("nodes: %d is not in 1 to 16", o.Nodes)
	case !(o.Rate >= 10 && o.Rate <= 1e6): // NaN is neither
		return fmt.Errorf("rate: %v records a second is not in 10 to 1e6", o.Rate)
	case o.Records < 0:
		return fmt.Errorf("records: %d must not be negative", o.Records)
	case !(o.StoreFails >= 0 && o.StoreFails <= 0.9):
		return fmt.Errorf("store-fails: %v is not in 0 to 0.9", o.StoreFails)
	case o.Pause < 0:
		return fmt.Errorf("pause: %v must not be negative", o.Pause)
	case o.S3 != "" && o.Endpoint == "":
		return errors.New("endpoint: a store of your own needs one")
	case o.S3 != "" && o.Mutant != "":
		return errors.New("mutant: only the store of its own can be spoilt")
	}
	var err error
	if len(o.Times) > 0 {
		o.selected, o.wanted, err = chooseTimes(o.Times)
	} else {
		o.selected, err = choose(o.Faults)
	}
	if err != nil {
		return err
	}
	o.mutant, err = findMutant(o.Mutant)
	return err
}

// choose finds the faults that the names tell.
func choose(names string) (chosen []*fault, err error) {
	if names == "none" {
		return nil, nil
	}
	for name := range strings.SplitSeq(names, ",") {
		found := false
		for _, f := range faults {
			matches, err := path.Match(strings.TrimSpace(name), f.name)
			if err != nil {
				return nil, fmt.Errorf("faults: %q: %w", name, err)
			}
			if matches && !slices.Contains(chosen, f) {
				chosen = append(chosen, f)
			}
			found = found || matches
		}
		if !found {
			return nil, fmt.Errorf("faults: there is no %q; --list tells them all", name)
		}
	}
	return chosen, nil
}

// chooseTimes finds the faults that the names tell, and how often each is to be made.
func chooseTimes(times map[string]int) (chosen []*fault, wanted map[string]int, err error) {
	wanted = map[string]int{}
	for _, names := range slices.Sorted(maps.Keys(times)) {
		if n := times[names]; n < 1 || n > mostTimes {
			return nil, nil, fmt.Errorf("times: %s: %d is not in 1 to %d", names, n, mostTimes)
		}
		some, err := choose(names)
		if err != nil {
			return nil, nil, fmt.Errorf("times: %w", err)
		}
		for _, f := range some {
			if wanted[f.name] == 0 {
				chosen = append(chosen, f)
			}
			wanted[f.name] = max(wanted[f.name], times[names])
		}
	}
	return chosen, wanted, nil
}

const mostTimes = 1_000_000

// Command is `hydrant bench torture`, to be embedded in a kong grammar as bench.Command is.
type Command struct {
	Options
	Report string `placeholder:"FILE" help:"Write the report as JSON here too."`
	JSON   bool   `name:"json" help:"Print the report as JSON."`
	List   bool   `help:"Print the faults and the mutants, and do nothing."`
}

// ErrFound says that the run was not good.
var ErrFound = errors.New("the run was not good")

// Run tortures, and fails with ErrFound unless the verdict is good. Interrupted, it makes no more faults and judges what
// was done; a second interrupt ends it at once.
func (c *Command) Run(ctx context.Context, cli *kong.Context) error {
	if c.List {
		return list(cli.Stdout)
	}
	report, err := Run(ctx, c.Options, cli.Stderr)
	if err != nil {
		return err
	}
	write := report.WriteText
	if c.JSON {
		write = report.WriteJSON
	}
	err = write(cli.Stdout)
	if c.Report != "" {
		err = errors.Join(err, writeReport(c.Report, report))
	}
	if err == nil && !report.OK {
		err = ErrFound
	}
	return err
}

func writeReport(path string, r *Report) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(r.WriteJSON(f), f.Close())
}

func list(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "faults") // Flush tells of errors
	for _, f := range faults {
		fmt.Fprintf(table, "  %s\t%s\t%s\n", f.name, f.about, cmp.Or(f.needs.why(), ""))
	}
	fmt.Fprintln(table, "mutants")
	for _, m := range mutants {
		fmt.Fprintf(table, "  %s\t%s\t\n", m.name, m.about)
	}
	return table.Flush()
}

// WriteJSON writes the report as one indented JSON object.
func (r *Report) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}
