package admin

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Build is what the Go toolchain recorded in this binary. What it did not record is "unknown".
type Build struct {
	Version  string `json:"version"`  // of the module
	Revision string `json:"revision"` // of the source; ends with -dirty if it was changed since
	Time     string `json:"time"`     // of the revision, as RFC 3339
	Go       string `json:"go"`       // version of the toolchain
}

// ReadBuild returns this binary's.
func ReadBuild() Build {
	b := Build{Version: "unknown", Revision: "unknown", Time: "unknown", Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	b.Version = cmp.Or(info.Main.Version, b.Version)
	b.Revision = cmp.Or(settings["vcs.revision"], b.Revision)
	b.Time = cmp.Or(settings["vcs.time"], b.Time)
	if settings["vcs.modified"] == "true" {
		b.Revision += "-dirty"
	}
	return b
}

// Register adds the metrics of the Go runtime, of the process and of the build, which is
// hydrant_build_info{version,revision,goversion} with the value 1.
func Register(registerer prometheus.Registerer) error {
	build := ReadBuild()
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "hydrant_build_info",
		Help: "What the binary was built from, in the labels; the value is 1.",
		ConstLabels: prometheus.Labels{
			"version":   build.Version,
			"revision":  build.Revision,
			"goversion": build.Go,
		},
	})
	info.Set(1)
	process := collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})
	for _, collector := range []prometheus.Collector{collectors.NewGoCollector(), process, info} {
		if err := registerer.Register(collector); err != nil {
			return fmt.Errorf("register the metrics of the process: %w", err)
		}
	}
	return nil
}
