package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/dustin/go-humanize"
	"golang.org/x/sync/errgroup"
)

// VerifyOptions say what to compare with what. Exactly one of Dir and S3 is set.
type VerifyOptions struct {
	Ledger      []string      `required:"" placeholder:"FILE" help:"Ledger of a load; several may be given."`
	Dir         string        `required:"" xor:"destination" placeholder:"DIR" help:"Directory with the objects; names that begin with a dot are not read."`
	S3          string        `name:"s3" required:"" xor:"destination" placeholder:"s3://BUCKET/PREFIX" help:"Bucket with the objects, and the prefix to read; credentials come from the AWS default chain."`
	Endpoint    string        `placeholder:"URL" help:"Endpoint of an S3-compatible store other than AWS."`
	PathStyle   bool          `help:"Address the bucket in the path, as most stores other than AWS want it."`
	ErrorPrefix string        `default:"errors/" help:"Prefix of the error output's keys."`
	Partition   string        `placeholder:"NAME" help:"Segment NAME=VALUE that every object's key must have, VALUE being the key of each of its records."`
	Parallel    int           `default:"4" help:"Objects to read at once."`
	Client      *s3.Client    `kong:"-"` // opens S3 in place of one for Endpoint
	Wait        time.Duration `default:"0s" help:"Read all again while records are missing and nothing else is wrong, for this long at most."`
}

// Validate names the first option that cannot be used. Kong calls it after parsing.
func (o *VerifyOptions) Validate() error {
	switch {
	case len(o.Ledger) == 0:
		return errors.New("ledger: at least one is needed")
	case (o.Dir == "") == (o.S3 == ""):
		return errors.New("dir and s3: exactly one is needed")
	case o.Parallel < 1 || o.Parallel > 1000:
		return fmt.Errorf("parallel: %d is not in 1 to 1000", o.Parallel)
	case o.Wait < 0:
		return fmt.Errorf("wait: %v must not be negative", o.Wait)
	}
	if o.S3 != "" {
		_, _, err := ParseBucket(o.S3)
		return err
	}
	return nil
}

const waitBetweenScans = time.Second

// Verify reads a destination back and compares it with the ledgers. Memory is three bits a record and a few buffers for
// each object read at once. An error means that there is no verdict: a ledger or the destination could not be read.
// Each second it writes a line to progress, which may be nil. The load must have ended; delivery may still be under way
// if the options say to wait.
func Verify(ctx context.Context, o VerifyOptions, progress io.Writer) (*Verdict, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	books, err := readLedgers(o.Ledger)
	if err != nil {
		return nil, err
	}
	source, err := openSource(ctx, o)
	if err != nil {
		return nil, err
	}
	if closer, ok := source.(io.Closer); ok {
		defer closer.Close()
	}
	if progress == nil {
		progress = io.Discard
	}
	return await(ctx, verifier{options: o, books: books, source: source, progress: progress})
}

// await scans until nothing is missing, or something else is wrong, or time is up.
func await(ctx context.Context, v verifier) (*Verdict, error) {
	deadline := time.Now().Add(v.options.Wait)
	for {
		verdict, err := v.scanAll(ctx)
		if err != nil || !verdict.incomplete() || time.Now().Add(waitBetweenScans).After(deadline) {
			return verdict, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(waitBetweenScans):
		}
	}
}

// incomplete says that time may mend the verdict.
func (v *Verdict) incomplete() bool {
	waiting := v.Faults[Lost] > 0 || v.Objects == 0
	for kind := range v.Faults {
		waiting = waiting && (kind == Lost || kind == Unproven)
	}
	return waiting && v.Acked > 0
}

type verifier struct {
	options  VerifyOptions
	books    *books
	source   source
	progress io.Writer
}

// scanAll reads every object once.
func (v verifier) scanAll(ctx context.Context) (*Verdict, error) {
	v.books.forget()
	started := time.Now()
	all := &total{progress: v.progress, told: started}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(v.options.Parallel)
	listed := v.source.list(ctx, func(key string) error {
		group.Go(func() error { return v.scanOne(ctx, key, all) })
		return ctx.Err()
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if listed != nil {
		return nil, fmt.Errorf("list objects: %w", listed)
	}
	verdict := conclude(v.books, all.findings)
	verdict.Seconds = time.Since(started).Seconds()
	return verdict, nil
}

func (v verifier) scanOne(ctx context.Context, key string, all *total) error {
	object, err := v.source.open(ctx, key)
	if err != nil {
		return fmt.Errorf("open object %s: %w", key, err)
	}
	defer object.Close()
	s := newScan(v.books, v.options, key)
	if err := s.read(object); err != nil {
		return fmt.Errorf("read object %s: %w", key, err)
	}
	all.add(s.findings)
	return nil
}

// A total adds up all objects' findings, and tells of the progress each second.
type total struct {
	mu       sync.Mutex
	findings findings
	progress io.Writer
	told     time.Time
}

func (t *total) add(f findings) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.findings.add(f)
	if now := time.Now(); now.Sub(t.told) >= time.Second {
		t.told = now
		fmt.Fprintf(t.progress, "%s objects  %s records  %.1f MB\n", humanize.Comma(t.findings.objects),
			humanize.Comma(t.findings.records), float64(t.findings.bytes)/1e6) // a lost line of progress is no loss
	}
}
