package suite

import (
	"context"

	"hydrant/bench/child"
)

// process is one that is watched while it runs.
type process struct {
	*child.Process
	watch *watch
}

// start runs this program with other arguments.
func (b *bed) start(ctx context.Context, name string, environment []string, arguments ...string) (*process, error) {
	w := new(watch)
	p, err := child.Start(ctx, child.Options{
		Name: name, Program: b.program, Arguments: arguments, Environment: environment,
		Started: w.begin, Ended: w.end,
	})
	if err != nil {
		return nil, err
	}
	return &process{p, w}, nil
}
