package replay

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
)

// tally is what a replay has done so far. It may be used from several goroutines.
type tally struct {
	mu      sync.Mutex
	counts  counts
	waiting string // why the node takes nothing at present
	plan    *Plan
	told    []string // the last lines
}

// Status is how far a replay is.
type Status struct {
	Plan    *Plan    `json:"plan"`    // nil while the objects are listed and counted
	Objects int64    `json:"objects"` // done with
	Bytes   int64    `json:"bytes"`   // of them, as stored
	Records int64    `json:"records"` // acknowledged
	Known   int64    `json:"known"`   // of the records: stored by an earlier run already
	Refused int64    `json:"refused"` // records
	Doubted int64    `json:"doubted"` // records that may be stored twice
	Faults  int64    `json:"faults"`  // objects that could not be replayed whole
	Waiting string   `json:"waiting"` // why the node takes nothing at present
	Told    []string `json:"told"`    // what there was to say of single records and objects, the last lines
}

// maxTold is how many lines are kept.
const maxTold = 20

func (t *tally) status() Status {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.counts
	return Status{
		Plan: t.plan, Objects: c.objects, Bytes: c.bytes, Records: c.records, Known: c.known, Refused: c.refused, Doubted: c.doubted,
		Faults: c.faults, Waiting: t.waiting, Told: append([]string{}, t.told...),
	}
}

func (t *tally) planned(p *Plan) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.plan = p
}

func (t *tally) tell(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.told = append(t.told, line); len(t.told) > maxTold {
		t.told = t.told[1:]
	}
}

type counts struct {
	objects int64 // done with
	bytes   int64 // of them, as stored
	records int64 // acknowledged
	known   int64 // of the records: stored by an earlier run already
	refused int64
	doubted int64 // sent again although an earlier run may have stored them, too long ago for the node to know
	faults  int64 // objects that could not be replayed whole
	deleted int64
}

func (t *tally) add(change func(c *counts)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	change(&t.counts)
}

func (t *tally) wait(why string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting = why
}

func (t *tally) read() (counts, string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.counts, t.waiting
}

// watch tells each second how far the replay is. The returned function ends it and waits for its end.
func (t *tally) watch(to io.Writer, plan Plan) (stop func()) {
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		second := time.NewTicker(time.Second)
		defer second.Stop()
		started, before := time.Now(), int64(0)
		for {
			select {
			case <-end:
				return
			case now := <-second.C:
				c, waiting := t.read()
				fmt.Fprintln(to, progressLine(now.Sub(started), plan, c, c.records-before, waiting)) // a lost line is no loss
				before = c.records
			}
		}
	}()
	return func() {
		close(end)
		<-ended
	}
}

func progressLine(took time.Duration, plan Plan, c counts, lately int64, waiting string) string {
	const width = 20
	part := 1.0
	if plan.Bytes > 0 {
		part = min(1, float64(c.bytes)/float64(plan.Bytes))
	}
	bar := make([]byte, width)
	for i := range bar {
		if bar[i] = '.'; float64(i) < part*width {
			bar[i] = '#'
		}
	}
	line := fmt.Sprintf("%4.0fs  [%s] %3.0f%%  %s of %s objects  %s records  %s records/s", took.Seconds(), bar, 100*part,
		humanize.Comma(c.objects), humanize.Comma(plan.Objects), humanize.Comma(c.records), humanize.Comma(lately))
	if c.refused > 0 {
		line += fmt.Sprintf("  refused %s", humanize.Comma(c.refused))
	}
	if waiting != "" {
		line += "  waiting: " + waiting
	}
	return line
}
