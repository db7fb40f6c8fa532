package delivery

import "time"

// tellEvery is how often a lane's log tells of uploads that fail for one kind of reason. All that waits for a destination that
// is away fails again and again: a line for each would bury the log in the night in which it is read.
const tellEvery = 10 * time.Second

// telling is what a lane's log has said of uploads that fail.
type telling struct {
	code   string
	last   time.Time
	failed int64 // since then
}

// fails counts a failure, and says whether it is to be told of now, and of how many. Another kind of error is told at once.
func (t *telling) fails(code string, now time.Time) (failures int64, tell bool) {
	t.failed++
	if code == t.code && now.Sub(t.last) < tellEvery {
		return 0, false
	}
	failures = t.failed
	*t = telling{code: code, last: now}
	return failures, true
}

// tellFailure logs an upload that will be tried again, or counts it.
func (l *lane) tellFailure(o *object, err error, attempt int, wait time.Duration) {
	l.shared.Lock()
	failures, tell := l.shared.telling.fails(codeOf(err), time.Now())
	l.shared.Unlock()
	if !tell {
		return
	}
	l.log.With(l.logPlace()...).Warn("an upload failed and will be tried again", "error", err, "error_code", codeOf(err), "class", classOf(err),
		"key", o.manifest.Key, "attempt", attempt+1, "wait", wait, "failures", failures)
}

// tellRecovery logs the end of a trouble that lasted.
func (l *lane) tellRecovery(t *Trouble) {
	if lasted := time.Since(t.Since); lasted >= tellEvery {
		l.log.With(l.logPlace()...).Info("uploads succeed again", "after", lasted.Round(time.Second))
	}
}
