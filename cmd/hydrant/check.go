package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"hydrant/buffer/badgerlog"
	"hydrant/delivery"
)

type checkCommand struct {
	Config string `placeholder:"FILE" help:"Configuration file; without one, the built-in demonstration is checked."`
}

// Help is shown behind the command's own line.
func (c *checkCommand) Help() string {
	return "Every fault is told with its line and column, and then the exit code is 1. What is printed is a complete configuration: " +
		"the defaults and the environment are in it, secrets are not."
}

// Run prints the configuration in force to the output, and beside it what there is to say about it.
func (c *checkCommand) Run(ctx context.Context, to console) error {
	config, err := LoadServed(c.Config, os.Environ())
	if faults, ok := errors.AsType[Faults](err); ok {
		for _, fault := range faults {
			fmt.Fprintf(to.Err, "%s\n%s", fault, fault.Excerpt())
		}
		return fmt.Errorf("faults in the configuration: %d", len(faults))
	}
	if err != nil {
		return err
	}
	for _, warning := range config.Warnings {
		fmt.Fprintf(to.Err, "warning: %s\n%s", warning, warning.Excerpt())
	}
	if err := badgerlog.CheckSpace(filepath.Join(config.DataDir, bufferDir), int64(config.Buffer.MaxDisk)); err != nil {
		return err
	}
	if err := warnShadowed(config, to.Err); err != nil {
		return err
	}
	modules, err := delivery.ReadModules(ctx, openFunction, config.Streams)
	if err != nil {
		return err
	}
	if err := modules.Discard(); err != nil {
		return err
	}
	text, err := config.YAML()
	if err != nil {
		return err
	}
	text = append(text, config.memoryComment()...)
	if _, err := to.Out.Write(text); err != nil {
		return fmt.Errorf("print the configuration: %w", err)
	}
	_, err = fmt.Fprintln(to.Err, "ok")
	return err
}
