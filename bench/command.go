package bench

import (
	"context"
	"errors"

	"github.com/alecthomas/kong"
)

// Command is `hydrant bench`, to be embedded in a kong grammar under `cmd:""`. The program binds its context and runs
// the parsed command; kong binds the rest:
//
//	parsed, err := parser.Parse(os.Args[1:]) // an error is a wrong usage
//	parsed.BindTo(ctx, (*context.Context)(nil))
//	err = parsed.Run() // an error is a failed command
//
// Results go to kong's standard output, progress to its standard error.
type Command struct {
	Run    RunCommand    `cmd:"" default:"withargs" help:"Make a load and measure how it is answered (the default)."`
	Verify VerifyCommand `cmd:"" help:"Compare a destination's objects with the ledgers of loads."`

	Compare CompareCommand `cmd:"" help:"Compare the reports of two loads."`
}

// RunCommand is `hydrant bench run`.
type RunCommand struct {
	Options
	JSON   bool   `name:"json" help:"Print the report as JSON."`
	Report string `placeholder:"FILE" help:"Write a page with the run's plots here too."`
}

// Run makes the load. It fails with ErrNothingAcked if the gateway took no record; interrupted, it still reports.
func (c *RunCommand) Run(ctx context.Context, cli *kong.Context) error {
	report, err := Run(ctx, c.Options, cli.Stderr)
	if report == nil {
		return err
	}
	write := report.WriteText
	if c.JSON {
		write = report.WriteJSON
	}
	err = errors.Join(err, write(cli.Stdout))
	if c.Report != "" {
		err = errors.Join(err, WriteFile(c.Report, report.WriteHTML))
	}
	if err == nil && report.Acked == 0 {
		return ErrNothingAcked
	}
	return err
}

// VerifyCommand is `hydrant bench verify`.
type VerifyCommand struct {
	VerifyOptions
	JSON bool `name:"json" help:"Print the verdict as JSON."`
}

// Run compares, and fails with ErrFault unless the verdict is good.
func (c *VerifyCommand) Run(ctx context.Context, cli *kong.Context) error {
	verdict, err := Verify(ctx, c.VerifyOptions, cli.Stderr)
	if err != nil {
		return err
	}
	write := verdict.WriteText
	if c.JSON {
		write = verdict.WriteJSON
	}
	if err := write(cli.Stdout); err != nil {
		return err
	}
	if !verdict.OK() {
		return ErrFault
	}
	return nil
}
