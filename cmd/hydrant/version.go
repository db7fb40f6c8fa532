package main

import (
	"encoding/json"
	"fmt"

	"hydrant/gateway/admin"
)

type versionCommand struct {
	JSON bool `name:"json" help:"Print it as a JSON object."`
}

// Run prints what the Go toolchain recorded in the binary.
func (c *versionCommand) Run(to console) error {
	build := admin.ReadBuild()
	if c.JSON {
		return json.NewEncoder(to.Out).Encode(build)
	}
	_, err := fmt.Fprintf(to.Out, "hydrant %s\nrevision %s\ntime %s\ngo %s\n",
		build.Version, build.Revision, build.Time, build.Go)
	return err
}
