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
			total := l.meter.soFar()
			fmt.Fprintln(progress, l.progressLine(before, total, last, now)) // a lost line of progress is no loss
			before, last = total, now
		}
	}
}

func (l *load) progressLine(before, total counts, last, now time.Time) string {
	seconds := now.Sub(last).Seconds()
	requests := float64(total.requests-before.requests) / seconds
	records := float64(total.records[acked]-before.records[acked]) / seconds
	megabytes := float64(total.bytes-before.bytes) / 1e6 / seconds
	line := fmt.Sprintf("%4.0fs  %s req/s  %s records/s  %.1f MB/s  acked %s  refused %s  unknown %s",
		now.Sub(l.schedule.start).Seconds(), humanize.Comma(int64(requests)), humanize.Comma(int64(records)),
		megabytes, humanize.Comma(total.records[acked]),
		humanize.Comma(total.records[refused]), humanize.Comma(total.records[unknown]))
	if l.options.Rate > 0 {
		line += fmt.Sprintf("  behind %v", time.Duration(l.schedule.behind.Load()).Round(time.Microsecond))
	}
	return line
}
