package suite

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"hydrant/bench/child"
	"hydrant/bench/sink"
)

// store is where nodes deliver to: the discarding server of the suite's, or a real one.
type store struct {
	destination string   // as the configuration has it
	prefix      string   // of all keys
	sink        *process // nil for a real one
	address     string   // of the discarding one
}

const sinkBucket = "suite"

// discarding is the destination of a discarding store.
func discarding(address string) string {
	return fmt.Sprintf("{bucket: %s, region: us-east-1, endpoint: %q, path_style: true}", sinkBucket, "http://"+address)
}

// real reports whether the store is one that the options name.
func (s *store) real() bool { return s.sink == nil }

// openStore opens the store of the options: the real one if there is one. The caller closes it.
func (b *bed) openStore(ctx context.Context) (*store, error) {
	if b.options.S3 == "" {
		return b.openSink(ctx)
	}
	bucket, prefix, err := ParseBucket(b.options.S3)
	if err != nil {
		return nil, err
	}
	endpoint := ""
	if b.options.Endpoint != "" {
		endpoint = fmt.Sprintf(", endpoint: %q, path_style: %v", b.options.Endpoint, b.options.PathStyle)
	}
	return &store{destination: fmt.Sprintf("{bucket: %q%s}", bucket, endpoint), prefix: prefix}, nil
}

// ParseBucket reads s3://BUCKET/PREFIX.
func ParseBucket(location string) (bucket, prefix string, err error) {
	path, ok := strings.CutPrefix(location, "s3://")
	bucket, prefix, _ = strings.Cut(path, "/")
	if !ok || bucket == "" {
		return "", "", fmt.Errorf("s3: %q is not of the form s3://BUCKET or s3://BUCKET/PREFIX", location)
	}
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	return bucket, prefix, nil
}

// openSink starts a discarding store. The caller closes it.
func (b *bed) openSink(ctx context.Context) (*store, error) {
	address, err := child.FreeAddress()
	if err != nil {
		return nil, err
	}
	s := &store{destination: discarding(address), address: address}
	if s.sink, err = b.start(ctx, "sink", nil, "bench", "s3sink", "--listen", address); err != nil {
		return nil, err
	}
	if err := s.sink.Await(ctx, "it listens", func() bool { return child.Answers(ctx, s.totalsURL()) }); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *store) totalsURL() string { return "http://" + s.address + sink.TotalsPath }

// used is the processor time of the store's process so far; nothing for a real one.
func (s *store) used() time.Duration {
	if s.real() {
		return 0
	}
	return s.sink.watch.used().cpu
}

// cost adds what the store has used since then for so many GB; nothing for a real one.
func (s *store) cost(f Figures, before time.Duration, gigabytes float64) {
	if !s.real() {
		f[storeCPU] = ratio((s.used() - before).Seconds(), gigabytes)
	}
}

// close ends the discarding store.
func (s *store) close() {
	if s.sink != nil {
		s.sink.Kill()
	}
}

// check wants the store to have exactly these records. A real one is believed.
func (s *store) check(ctx context.Context, records float64) error {
	if s.real() {
		return nil
	}
	text, err := child.Get(ctx, s.totalsURL())
	if err != nil {
		return err
	}
	var t sink.Totals
	if err := json.Unmarshal(text, &t); err != nil {
		return err
	}
	if float64(t.Records) != records {
		return fmt.Errorf("the store has %d records of %.0f that were acknowledged", t.Records, records)
	}
	return nil
}
