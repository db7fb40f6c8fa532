package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"hydrant/bench"
	"hydrant/bench/child"
	"hydrant/bench/suite"
)

// newCollector is the OpenTelemetry Collector. Its exporter throws away what it takes out of the queue; one that holds fails
// with the first requests and tries these again, so that the queue is only written to, as the log of a node with delivery off.
func newCollector(program string, hold bool) suite.Peer {
	p := suite.Peer{
		Name:    "OpenTelemetry Collector",
		Version: versionIn(program, "go.opentelemetry.io/collector/otelcol"),
		Means:   "the body is in the persistent queue, synced (file_storage, fsync: true; OTLP over HTTP)",
		Batches: suite.Goal{Target: 6, Beyond: 10},
		Singles: suite.Goal{Target: 12, Beyond: 18},
		Prepare: func(dir string) (suite.PeerServer, error) { return prepareCollector(program, dir, hold) },
	}
	if !hold {
		p.Name += ", draining"
		p.Means = "the same, while the queue is emptied"
	}
	return p
}

const collectorConfig = `
extensions:
  file_storage: {directory: %q, create_directory: true, fsync: true}
receivers:
  otlp: {protocols: {http: {endpoint: %q}}}
exporters:
  discard:
    hold: %t
    sending_queue: {storage: file_storage, sizer: requests, queue_size: 10000000}
service:
  extensions: [file_storage]
  pipelines:
    logs: {receivers: [otlp], exporters: [discard]}
  telemetry:
    logs: {level: error}
    metrics:
      level: basic
      readers: [{pull: {exporter: {prometheus: {host: %q, port: %s}}}}]
`

func prepareCollector(program, dir string, hold bool) (suite.PeerServer, error) {
	listen, err := child.FreeAddress()
	if err != nil {
		return suite.PeerServer{}, err
	}
	telemetry, err := child.FreeAddress()
	if err != nil {
		return suite.PeerServer{}, err
	}
	host, port, err := net.SplitHostPort(telemetry)
	if err != nil {
		return suite.PeerServer{}, err
	}
	file := filepath.Join(dir, "collector.yaml")
	config := fmt.Sprintf(collectorConfig, filepath.Join(dir, "queue"), listen, hold, host, port)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return suite.PeerServer{}, err
	}
	return suite.PeerServer{
		Program: program, Arguments: []string{"--config", file},
		Ready: func(context.Context) error {
			c, err := net.Dial("tcp", listen)
			if err == nil {
				err = c.Close()
			}
			return err
		},
		Dial: func(int) (bench.Carrier, error) { return dialOTLP(listen), nil },
		Bodies: func(ctx context.Context) (float64, error) {
			m, err := child.ReadMetrics(ctx, "http://"+telemetry)
			return m["otelcol_receiver_accepted_log_records"], err
		},
	}, nil
}
