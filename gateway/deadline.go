package gateway

import (
	"errors"
	"os"
	"time"
)

// deadline is one of the two that a connection has, for the goroutine that serves it. Each request sets three, two minutes and
// thirty seconds ahead in turn, and hardly one comes to pass; to move the runtime's timer each time costs a fiftieth of a small
// request. So the timer is moved only where it would fire too late. Where it fires too early it is moved then.
type deadline struct {
	asked time.Time // zero for none
	set   time.Time // the timer's; never later than asked
}

// sooner notes that t is asked for, and reports whether the timer must be set to it.
func (d *deadline) sooner(t time.Time) bool {
	d.asked = t
	if !d.set.IsZero() && !t.IsZero() && !d.set.After(t) {
		return false
	}
	d.set = t
	return true
}

// early reports whether err is that the timer fired before the time that was asked for, which it must be set to then.
func (d *deadline) early(err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) || !time.Now().Before(d.asked) {
		return false
	}
	d.set = d.asked
	return true
}
