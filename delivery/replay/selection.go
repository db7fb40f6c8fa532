package replay

import (
	"regexp"
	"strings"
	"time"
)

// Selection says which objects are meant: those that begin in [From, To), by the time in their names. A zero time is no
// bound.
type Selection struct {
	From, To time.Time
	Zone     *time.Location // of the times in names: the stream's time_zone
	Keys     *regexp.Regexp // others are not even counted; nil means all
}

// nameTime is the end of an object's name: its version, the time of its oldest record, its id.
var nameTime = regexp.MustCompile(`-[0-9]+-([0-9]{4}(?:-[0-9]{2}){5})-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:\.|$)`)

// timeOf is when the object's oldest record arrived, to the second.
func (s Selection) timeOf(key string) (time.Time, bool) {
	found := nameTime.FindStringSubmatch(key[strings.LastIndexByte(key, '/')+1:])
	if found == nil {
		return time.Time{}, false
	}
	at, err := time.ParseInLocation("2006-01-02-15-04-05", found[1], s.Zone)
	return at, err == nil
}

// all says that there is no bound, so that names do not matter.
func (s Selection) all() bool { return s.From.IsZero() && s.To.IsZero() }

func (s Selection) selects(at time.Time) bool {
	return (s.From.IsZero() || !at.Before(s.From)) && (s.To.IsZero() || at.Before(s.To))
}
