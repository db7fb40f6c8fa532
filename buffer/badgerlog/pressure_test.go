package badgerlog

import (
	"runtime"
	"testing"
	"time"
)

func TestPressure(t *testing.T) {
	const second = time.Second
	all := second * time.Duration(runtime.GOMAXPROCS(0))
	for _, c := range []struct {
		name            string
		busy, processor time.Duration // in a second
		want            bool
	}{
		{"nothing to do", 0, 0, false},
		{"little to do", second / 10, all / 10, false},
		{"a busy log", second / 2, 0, true},
		{"busy processors", second / 10, all / 2, true},
		{"both, not quite", second * 49 / 100, all * 49 / 100, false},
	} {
		var p pressure
		var taken time.Duration
		now := time.Unix(1000, 0)
		for range 1000 { // groups, a hundred a second
			now, taken = now.Add(second/100), taken+c.processor/100
			p.note(now, now.Add(c.busy/100), func() time.Duration { return taken })
		}
		if got := p.high(); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
		now = now.Add(time.Hour) // the first group after a pause
		if p.note(now, now.Add(time.Millisecond), func() time.Duration { return taken }); p.high() {
			t.Errorf("%s: it is still high after an hour", c.name)
		}
	}
}

func TestProcessorTime(t *testing.T) {
	before := processorTime()
	for deadline := time.Now().Add(time.Minute); processorTime() <= before; {
		if time.Now().After(deadline) {
			t.Fatal("a minute's work takes no time")
		}
	}
}
