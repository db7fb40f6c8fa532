package torture

import (
	"context"
	"math/rand/v2"
	"net/http"
	"time"

	"hydrant/bench/s3fault"
)

// spoilt is a share of the requests that match, and what becomes of them.
type spoilt struct {
	match func(*http.Request) bool
	share float64
	fault s3fault.Fault
}

// spoil has requests to the store meet faults for some seconds, and at least until some have, then heals the way.
func (b *bed) spoil(ctx context.Context, random *rand.Rand, all ...spoilt) (met int, err error) {
	var rules []*s3fault.Rule
	for _, s := range all {
		rules = append(rules, b.proxy.Spoil(s.match, s.share, -1, s.fault))
	}
	defer func() {
		for _, r := range rules {
			r.End()
		}
	}()
	pause(ctx, between(random, time.Second, 4*time.Second))
	err = b.nodes[0].await(ctx, "requests to the store meet the fault", func(context.Context) (bool, error) {
		met = 0
		for _, r := range rules {
			met += r.Hits()
		}
		return met > 0, nil
	})
	return met, err
}

func refusing(status int, code string) func(context.Context, *bed, *rand.Rand) (int, error) {
	return func(ctx context.Context, b *bed, random *rand.Rand) (int, error) {
		return b.spoil(ctx, random, spoilt{s3fault.Any, 1, s3fault.Answer(status, code)})
	}
}

func storeErrors(ctx context.Context, b *bed, random *rand.Rand) (int, error) {
	return b.spoil(
		ctx, random,
		spoilt{s3fault.Any, 0.12, s3fault.Answer(500, "InternalError")},
		spoilt{s3fault.Any, 0.12, s3fault.Answer(502, "")},
		spoilt{s3fault.Any, 0.12, s3fault.Answer(503, "ServiceUnavailable")},
	)
}

func storeReset(ctx context.Context, b *bed, random *rand.Rand) (int, error) {
	return b.spoil(ctx, random, spoilt{s3fault.Puts, 0.5, s3fault.ResetMidBody})
}

func storeLostAnswer(ctx context.Context, b *bed, random *rand.Rand) (int, error) {
	return b.spoil(
		ctx, random,
		spoilt{s3fault.Puts, 0.4, s3fault.LoseAnswer},
		spoilt{s3fault.Completes, 0.4, s3fault.LoseAnswer},
	)
}

func storeSlow(ctx context.Context, b *bed, random *rand.Rand) (int, error) {
	return b.spoil(
		ctx, random,
		spoilt{s3fault.Any, 0.2, s3fault.Delay(2 * time.Second)},
		spoilt{s3fault.Any, 1, s3fault.Delay(200 * time.Millisecond)},
	)
}

func storeGone(ctx context.Context, b *bed, random *rand.Rand) (int, error) {
	return b.spoil(ctx, random, spoilt{s3fault.Any, 1, s3fault.ResetMidBody})
}
