package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"hydrant/stream"
)

// serveCommand runs a node.
type serveCommand struct {
	Config string        `help:"Configuration file. Without one: a stream called demo, delivered to a local directory." type:"path" placeholder:"FILE"`
	Grace  time.Duration `help:"How long to go on delivering after SIGTERM before the rest is left to the next start." default:"25s"`
	Delay  time.Duration `help:"How long to serve on after SIGTERM while /readyz says no, so that a load balancer looks elsewhere first." default:"0s"`
}

// Help is shown behind the command's own line.
func (c *serveCommand) Help() string {
	return "Every setting outside streams can also be given in the environment: listen as HYDRANT_LISTEN, buffer.max_disk as " +
		"HYDRANT_BUFFER_MAX_DISK. SIGHUP reads streams, credentials and certificates again, all or nothing; SIGTERM delivers what is " +
		"buffered and ends; a second one ends at once, and nothing is lost."
}

// Run serves until SIGTERM or SIGINT, and then stops in the order of the data. A second signal ends the process at once,
// which is safe: kill -9 is a supported way to stop. SIGHUP reloads the configuration file.
func (c *serveCommand) Run(ctx context.Context, to console) error {
	hangup := make(chan os.Signal, 1)
	if c.Config != "" { // else there is nothing to reload, and the end of the terminal ends the node
		signal.Notify(hangup, syscall.SIGHUP) // already: one that comes while the node starts must not end it
		defer signal.Stop(hangup)
	}
	cfg, err := LoadServed(c.Config, os.Environ())
	if err != nil {
		return err
	}
	log := cfg.Log.Logger(to.Err)
	for _, warning := range cfg.Warnings {
		log.Warn("configuration", "warning", warning.String())
	}
	if cfg.Credentials == "" {
		log.Warn("development mode: no credentials are asked for", "listen", cfg.Listen)
	}
	n, err := startNode(cfg, log)
	if err != nil {
		return err
	}
	greet(to.Err, cfg, n)
	return c.await(ctx, n, hangup)
}

// await reloads the configuration on SIGHUP and returns when the node has stopped.
func (c *serveCommand) await(ctx context.Context, n *node, hangup <-chan os.Signal) error {
	for {
		select {
		case <-hangup:
			n.reloadOnSignal(ctx, c.Config)
		case <-ctx.Done():
			signal.Reset() // the next one ends the process
			n.stopping.Store(true)
			if c.Delay > 0 {
				n.log.Info("to be stopped: /readyz says no, and requests are served on until the delay is over", "delay", c.Delay)
				time.Sleep(c.Delay)
			}
			n.log.Info("stopping: no new requests, then what is buffered is delivered", "grace", c.Grace)
			return n.stop(c.Grace)
		case err := <-n.failed:
			return errors.Join(err, n.stop(0))
		}
	}
}

// greet tells a person where to POST and where the objects will be.
func greet(w io.Writer, cfg *Config, n *node) {
	scheme := "http"
	if n.tls != nil {
		scheme = "https"
	}
	base := (&url.URL{Scheme: scheme, Host: fromHere(n.address.String())}).String()
	var b strings.Builder
	fmt.Fprintf(&b, "\nHydrant is ready.\n\n")
	for _, s := range cfg.Streams {
		fmt.Fprintf(&b, "  stream %s\n", s.Name)
		fmt.Fprintf(&b, "    POST    %s/v1/streams/%s/records\n", base, s.Name)
		fmt.Fprintf(&b, "    objects %s after %s or %s\n", destinationText(s.Destination), text(s.Buffering.Interval), text(s.Buffering.Size))
	}
	if cfg.Credentials == "" {
		fmt.Fprintf(&b, "\n  DEVELOPMENT MODE: NO CREDENTIALS are asked for, whoever is on this machine may send and change streams.\n"+
			"  Before others may reach the node, name a file of credentials in its configuration: hydrant keys new prints one.\n")
	}
	fmt.Fprintf(&b, "\n  Firehose API  %s   (aws firehose put-record --endpoint-url %s ...)\n", base, base)
	fmt.Fprintf(&b, "  console       http://%[1]s/\n  health        http://%[1]s/readyz\n  metrics       http://%[1]s/metrics\n\n", fromHere(n.admin.Addr()))
	_, _ = io.WriteString(w, b.String()) // a closed terminal must not stop the node
}

// fromHere is the address of a listener as it is called on this machine: one that listens everywhere has no host to call.
func fromHere(address string) string {
	host, port, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err == nil && ip.IsUnspecified() {
		return net.JoinHostPort("localhost", port)
	}
	return address
}

func text(v interface{ MarshalText() ([]byte, error) }) string {
	out, err := v.MarshalText()
	if err != nil {
		return err.Error()
	}
	return string(out)
}

func destinationText(d stream.Destination) string {
	if d.S3 != nil {
		return "s3://" + d.S3.Bucket
	}
	return d.Directory.Path
}
