package bench

import (
	"fmt"
	"io"
	"time"

	"github.com/dustin/go-humanize"
)

// watch reports each second while the producers run, and notes the processor time used before measuring begins. The
// returned function ends it and waits for its end.
func (l *load) watch(progress io.Writer) (stop func()) {
	if progress == nil {
		progress = io.Discard
	}
	l.cpu = processorTime()
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		l.tick(progress, end)
	}()
	return func() {
		close(end)
		<-ended
	}
}

func (l *load) tick(progress io.Writer, end <-chan struct{}) {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	var warm <-chan time.Time
	if l.options.Warmup > 0 {
		warm = time.After(time.Until(l.schedule.measured))
	}
	var before counts
	last := l.schedule.start
	for {
		select {
		case <-end:
			return
		case <-warm:
			l.cpu = processorTime()
		case now := <-second.C:
			var total counts
			for _, p := range l.producers {
				total.add(&p.meter.counts)
			}
			fmt.Fprintln(progress, l.progressLine(&before, &total, last, now)) // a lost line of progress is no loss
			before, last = counts{}, now
			before.add(&total)
		}
	}
}

func (l *load) progressLine(before, total *counts, last, now time.Time) string {
	seconds := now.Sub(last).Seconds()
	stored := float64(total.records[acked].Load()-before.records[acked].Load()) / seconds
	line := fmt.Sprintf("%4.0fs  %s req/s  %s records/s  %.1f MB/s  acked %s  refused %s  unknown %s",
		now.Sub(l.schedule.start).Seconds(),
		humanize.Comma(int64(float64(total.requests.Load()-before.requests.Load())/seconds)),
		humanize.Comma(int64(stored)), stored*float64(l.options.Size)/1e6,
		humanize.Comma(total.records[acked].Load()), humanize.Comma(total.records[refused].Load()),
		humanize.Comma(total.records[unknown].Load()))
	if l.options.Rate > 0 {
		line += fmt.Sprintf("  behind %v", time.Duration(l.schedule.behind.Load()).Round(time.Microsecond))
	}
	return line
}
