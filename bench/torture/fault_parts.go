package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"

	"hydrant/bench"
	"hydrant/bench/s3fault"
)

// uploadInParts has a node of its own deliver an object that is too large for one request. Parts fail on their way, and the
// upload's end fails as S3 lets it: with a success whose body tells of an error, whether the object is there then or not,
// and with an answer that gets lost.
func uploadInParts(ctx context.Context, b *bed, random *rand.Rand) (met int, err error) {
	const size, records = 64 << 10, 1200 // 75 MiB; up to 64 MiB go in one request
	n, err := b.ownNode(ctx, "buffering: {size: 128MiB, interval: 900s}\n    compression: none")
	if err != nil {
		return 0, err
	}
	o := loadOn(n)
	o.Ledger, o.Size, o.Records, o.Batch, o.Keys, o.Connections, o.Duration = filepath.Join(n.dir, "ledger"), size, records, 16, 1, 2, 0
	if _, err := bench.Run(ctx, o, nil); err != nil {
		return 0, err
	}
	rules := b.spoilParts(n, random)
	defer func() {
		for _, r := range rules {
			r.End()
		}
	}()
	n.form = "buffering: {size: 128MiB, interval: 1s}\n    compression: none" // what there is is due now
	if err := n.configure(0); err != nil {
		return 0, err
	}
	if err := n.reload(); err != nil {
		return 0, err
	}
	if err := n.delivered(ctx); err != nil {
		return 0, err
	}
	if err := n.terminate(); err != nil {
		return 0, err
	}
	for _, r := range rules[:len(rules)-1] {
		if r.Hits() == 0 {
			return 0, n.errorf("its object was not uploaded in parts")
		}
		met += r.Hits()
	}
	return met, b.judgeOwn(ctx, n, o.Ledger)
}

// spoilParts has the node's uploads in parts meet faults: two at their end, of which the first leaves no object and the second
// hides one, and some on the way there.
func (b *bed) spoilParts(n *node, random *rand.Rand) (rules []*s3fault.Rule) {
	hidden := []s3fault.Fault{s3fault.ErrorIn200(true), s3fault.LoseAnswer}[random.IntN(2)]
	for _, f := range []s3fault.Fault{s3fault.ErrorIn200(false), hidden} {
		rules = append(rules, b.proxy.Spoil(below(n.prefix, s3fault.Completes), 1, 1, f))
	}
	return append(rules, b.proxy.Spoil(below(n.prefix, s3fault.Parts), 0.2, -1, s3fault.ResetMidBody))
}

// below narrows what matches to keys below a prefix.
func below(prefix string, match func(*http.Request) bool) func(*http.Request) bool {
	return func(r *http.Request) bool { return match(r) && strings.Contains(r.URL.Path, "/"+prefix) }
}

// judgeOwn compares what a node of a fault's own has delivered with its ledger: all of it is there, once.
func (b *bed) judgeOwn(ctx context.Context, n *node, ledger string) error {
	verdict, err := b.store.verify(ctx, n.prefix, []string{ledger})
	if err != nil {
		return err
	}
	for kind, records := range verdict.Faults {
		b.notes.problem("%d records of %s are %s", records, n.name, kind)
	}
	uploads, err := b.store.uploads(ctx, n.prefix)
	if err == nil && len(uploads) > 0 {
		err = fmt.Errorf("uploads in parts are left: %s", strings.Join(uploads, ", "))
	}
	return err
}
