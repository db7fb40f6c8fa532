package suite

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// store is where nodes deliver to: the discarding server of the suite's, or a real one.
type store struct {
	destination string // as the configuration has it
	prefix      string // of all keys
	sink        *child // nil for a real one, and before the discarding one is opened
	address     string // of the discarding one
}

const sinkBucket = "suite"

// unreachable is a destination at an address where nobody listens.
func unreachable(address string) string {
	return fmt.Sprintf("{bucket: %s, region: us-east-1, endpoint: %q, path_style: true}", sinkBucket, "http://"+address)
}

// reserve names a discarding store that is not there yet: a node that is configured for it delivers as soon as it is opened.
func (b *bed) reserve() (*store, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	return &store{destination: unreachable(address), address: address}, nil
}

// openStore opens the store of the options: the real one if there is one. The caller closes it.
func (b *bed) openStore(ctx context.Context) (*store, error) {
	if b.options.S3 == "" {
		s, err := b.reserve()
		if err != nil {
			return nil, err
		}
		return s, b.open(ctx, s)
	}
	bucket, prefix, err := parseBucket(b.options.S3)
	if err != nil {
		return nil, err
	}
	endpoint := ""
	if b.options.Endpoint != "" {
		endpoint = fmt.Sprintf(", endpoint: %q, path_style: %v", b.options.Endpoint, b.options.PathStyle)
	}
	return &store{destination: fmt.Sprintf("{bucket: %q%s}", bucket, endpoint), prefix: prefix}, nil
}

// parseBucket reads s3://BUCKET/PREFIX.
func parseBucket(location string) (bucket, prefix string, err error) {
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

// open starts the discarding store at its address.
func (b *bed) open(ctx context.Context, s *store) error {
	c, err := b.start(ctx, "sink", nil, "bench", "s3sink", "--listen", s.address)
	if err != nil {
		return err
	}
	s.sink = c
	return c.await(ctx, "it listens", func() bool { return answers(ctx, s.totalsURL()) })
}

func (s *store) totalsURL() string { return "http://" + s.address + totalsPath }

// used is what the store's process has used; nothing for a real one.
func (s *store) used() usage {
	if s.sink == nil {
		return usage{}
	}
	return s.sink.watch.used()
}

// close ends the discarding store. It may be called more than once, and for a store that was never opened.
func (s *store) close() {
	if s != nil && s.sink != nil {
		s.sink.stop()
	}
}

// totals are what the store has; false for a real one, which says nothing.
func (s *store) totals(ctx context.Context) (t sinkTotals, known bool, err error) {
	if s.sink == nil {
		return t, false, nil
	}
	text, err := get(ctx, s.totalsURL())
	if err != nil {
		return t, false, err
	}
	return t, true, json.Unmarshal(text, &t)
}

// check wants the store to have exactly these records.
func (s *store) check(ctx context.Context, records float64) (sinkTotals, error) {
	t, known, err := s.totals(ctx)
	if err == nil && known && float64(t.Records) != records {
		err = fmt.Errorf("the store has %d records of %.0f that were acknowledged", t.Records, records)
	}
	return t, err
}

// storeEnvironment has credentials that the discarding store takes, as it takes any; a real one's come from the
// environment of the suite.
func storeEnvironment(s *store) []string {
	if s != nil && s.address == "" {
		return nil
	}
	return []string{"AWS_ACCESS_KEY_ID=suite", "AWS_SECRET_ACCESS_KEY=suite", "AWS_REGION=us-east-1", "AWS_SESSION_TOKEN="}
}
