package torture

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"hydrant/bench/child"
	"hydrant/bench/s3fault"
	"hydrant/bench/sink"
)

// bed is what a run goes on in: a directory, a store, the proxy before it, and nodes.
type bed struct {
	options     Options
	program     string
	dir         string // of this run
	noVolumes   string // why nodes have no file systems of their own; empty if they have
	environment []string
	destination string // as the configuration has it: the proxy
	store       storeAccess
	proxy       *s3fault.Proxy
	nodes       []*node
	own         int // nodes that faults have made for themselves
	load        *load
	notes       *notes
	status      status

	closers []func() error // in the order of opening
}

// newBed starts everything but the load. The caller closes it, also after an error.
func newBed(ctx context.Context, o Options) (*bed, error) {
	b := &bed{options: o, program: o.Program, notes: new(notes)}
	var err error
	if b.program == "" {
		if b.program, err = os.Executable(); err != nil {
			return b, err
		}
	}
	if b.dir, err = os.MkdirTemp(o.Dir, "hydrant-torture-"); err != nil {
		return b, err
	}
	if b.dir, err = filepath.Abs(b.dir); err != nil {
		return b, err
	}
	b.noVolumes = tryVolume(b.dir)
	if err := b.openStore(ctx); err != nil {
		return b, err
	}
	for i := range o.Nodes {
		n, err := b.startNode(ctx, nodeOptions{
			name: fmt.Sprintf("node-%d", i+1), stream: "torture", prefix: b.store.prefix + "run/", form: usualForm, ownVolume: b.noVolumes == "",
		})
		if err != nil {
			return b, err
		}
		b.nodes = append(b.nodes, n)
	}
	return b, nil
}

// startNode makes a node, starts it, and waits until it serves. The bed closes it.
func (b *bed) startNode(ctx context.Context, o nodeOptions) (*node, error) {
	n, err := b.newNode(o)
	b.closers = append(b.closers, n.close)
	if err == nil {
		err = n.configure(0)
	}
	if err == nil {
		err = n.launch(ctx)
	}
	if err == nil {
		err = n.ready(ctx)
	}
	return n, err
}

// openStore starts the store, unless the options name one, and the proxy.
func (b *bed) openStore(ctx context.Context) error {
	endpoint := b.options.Endpoint
	if b.options.S3 == "" {
		contents := filepath.Join(b.dir, "store")
		if err := os.Mkdir(contents, 0o755); err != nil {
			return err
		}
		address, err := b.serve(b.options.mutant.before(sink.Keep(contents)))
		if err != nil {
			return err
		}
		endpoint = "http://" + address
		b.environment = []string{
			"AWS_ACCESS_KEY_ID=torture", "AWS_SECRET_ACCESS_KEY=torture", "AWS_SESSION_TOKEN=", "AWS_PROFILE=",
			"AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null",
		}
	}
	var err error
	if b.store, err = openAccess(ctx, b.options.S3, endpoint); err != nil {
		return err
	}
	if b.proxy, err = s3fault.New(endpoint); err != nil {
		return err
	}
	b.closers = append(b.closers, func() error { b.proxy.Close(); return nil })
	address, err := b.serve(b.proxy)
	b.destination = fmt.Sprintf("{bucket: %q, region: us-east-1, endpoint: %q, path_style: true}", b.store.bucket, "http://"+address)
	return err
}

// serve has a handler listen until the bed is closed.
func (b *bed) serve(h http.Handler) (address string, err error) {
	address, err = child.FreeAddress()
	if err != nil {
		return "", err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return "", err
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(listener) }()
	b.closers = append(b.closers, func() error {
		err := s.Close()
		<-ended // that it was closed
		return err
	})
	return address, nil
}

// close ends everything, the last first, and removes the directory after a good run.
func (b *bed) close(good bool) error {
	var errs []error
	for i := len(b.closers) - 1; i >= 0; i-- {
		errs = append(errs, b.closers[i]())
	}
	if good && b.dir != "" {
		errs = append(errs, os.RemoveAll(b.dir))
	}
	return errors.Join(errs...)
}

// ownNode starts a node for a fault alone, with a stream and a place in the store of its own.
func (b *bed) ownNode(ctx context.Context, form string) (*node, error) {
	b.own++
	name := fmt.Sprintf("own-%d", b.own)
	return b.startNode(ctx, nodeOptions{name: name, stream: "own", prefix: b.store.prefix + name + "/", form: form})
}
