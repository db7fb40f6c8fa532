package tracing

import (
	"sync/atomic"
	"time"
)

// perSecond is how many traces of a kind begin in a second, unless OTEL_TRACES_SAMPLER says otherwise: all of them on a node
// with little to do, and on a busy one so few that they cost nothing.
const perSecond = 10

// limit counts the traces of one second. Two goroutines that meet at its turn may let one more or less through.
type limit struct{ second, taken atomic.Int64 }

func (l *limit) take(now time.Time) bool {
	if second := now.Unix(); l.second.Swap(second) != second {
		l.taken.Store(0)
	}
	return l.taken.Add(1) <= perSecond
}
