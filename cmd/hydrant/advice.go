package main

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/alecthomas/kong"

	"hydrant/buffer/badgerlog"
)

// adviseListener adds to the error of a listener what to do about it; setting is the key that holds its address.
func adviseListener(err error, setting string) error {
	variable := variableOf(setting)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w: another process listens there: stop it, or write another port in %s (or %s)", err, setting, variable)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%w: this machine has no such address: correct %s (or %s)", err, setting, variable)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%w: this user may not listen there: write a port of 1024 or more in %s (or %s)", err, setting, variable)
	}
	return err
}

// adviseDataDir adds to the error of the data directory what to do about it, where it is the system that refuses. What is missing
// in a directory is no refusal: the error says itself what to do about that.
func adviseDataDir(err error, dir string) error {
	var refused *fs.PathError
	if !errors.As(err, &refused) || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return fmt.Errorf("%w: data_dir is %s: let this process's user write there, or name another directory in data_dir (or %s)",
		err, dir, variableOf("data_dir"))
}

// adviseInUse adds to the error of a buffer that another process uses what to do instead.
func adviseInUse(err error, advice string) error {
	if errors.Is(err, badgerlog.ErrInUse) {
		return fmt.Errorf("%w: %s", err, advice)
	}
	return err
}

// adviseUsage is the help to look into after a command line that cannot be understood.
func adviseUsage(err error) string {
	var misread *kong.ParseError
	if !errors.As(err, &misread) || misread.Context.Selected() == nil {
		return "see hydrant --help"
	}
	command := misread.Context.Selected()
	advice := "see " + command.FullPath() + " --help"
	for _, flag := range command.Flags {
		if flag.Name == "config" && len(misread.Context.Args) > 0 && len(command.Positional) == 0 {
			advice = "the configuration is named with --config FILE; " + advice
		}
	}
	return advice
}
