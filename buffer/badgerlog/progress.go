package badgerlog

import (
	"log/slog"
	"time"
)

// tellEvery is how often a start that takes long says how far it is.
const tellEvery = time.Second

// progress tells an operator that a start with a large backlog is at work. One that is quick says nothing.
type progress struct {
	log   *slog.Logger
	every time.Duration
	last  time.Time
}

func newProgress(log *slog.Logger) *progress {
	return &progress{log: log, every: tellEvery, last: time.Now()}
}

// tell writes a line if it is time for one.
func (p *progress) tell(read, of int) {
	if time.Since(p.last) < p.every {
		return
	}
	p.last = time.Now()
	p.log.Info("reading what the buffer holds; the node takes records when that is done", "generations", read, "of", of)
}

// untold is for who has nobody to tell.
func untold(int, int) {}
