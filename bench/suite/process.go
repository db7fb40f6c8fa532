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

// start runs Hydrant's program.
func (b *bed) start(ctx context.Context, name string, environment []string, arguments ...string) (*process, error) {
	return startWatched(ctx, child.Options{Name: name, Program: b.program, Arguments: arguments, Environment: environment})
}

func startWatched(ctx context.Context, o child.Options) (*process, error) {
	w := new(watch)
	o.Started, o.Ended = w.begin, w.end
	p, err := child.Start(ctx, o)
	if err != nil {
		return nil, err
	}
	return &process{p, w}, nil
}
