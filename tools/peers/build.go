package main

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"os/exec"
	"path/filepath"

	"hydrant/bench/suite"
)

// programs are the binaries that were built.
type programs struct{ hydrant, nats, collector string }

func (p programs) peers() []suite.Peer {
	return []suite.Peer{newNATS(p.nats), newCollector(p.collector, true), newCollector(p.collector, false)}
}

// build makes them in a directory: Hydrant from its source, the others as this module's go.mod has them.
func build(ctx context.Context, source, dir string) (programs, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return programs{}, err
	}
	for _, module := range []struct {
		dir       string
		arguments []string
	}{
		{source, []string{"-buildvcs=true", "./cmd/hydrant"}}, // the result names its commit
		{filepath.Join(source, "tools/peers"), []string{"github.com/nats-io/nats-server/v2", "./collector"}},
	} {
		cmd := exec.CommandContext(ctx, "go", append([]string{"build", "-o", dir + "/"}, module.arguments...)...)
		cmd.Dir = module.dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return programs{}, fmt.Errorf("build %v: %w\n%s", module.arguments, err, out)
		}
	}
	return programs{filepath.Join(dir, "hydrant"), filepath.Join(dir, "nats-server"), filepath.Join(dir, "collector")}, nil
}

// versionIn is the version of a module that a binary was built of.
func versionIn(binary, module string) string {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return ""
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == module {
			return m.Version
		}
	}
	return ""
}
