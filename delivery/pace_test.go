package delivery

import (
	"context"
	"math"
	"testing"
	"time"

	"hydrant/buffer"
	"hydrant/buffer/memlog"
)

// paced plays readers that catch up beside acks, on a clock of its own.
type paced struct {
	pace *Pace
	now  time.Time
	read float64 // bytes
}

const pacedBlock = 256 << 10

func newPaced() *paced {
	p := &paced{now: time.Unix(1e9, 0)}
	p.pace = newPace(func() time.Time { return p.now })
	return p
}

// pass lets readers that can read at a speed of full bytes a second work for a while. Every ten milliseconds a batch of so
// many bytes is acknowledged, as quickly as ack says of the rate at which was read since the last; nil sends none.
func (p *paced) pass(d time.Duration, full float64, bytes int64, ack func(rate float64) time.Duration) {
	const beat = 10 * time.Millisecond
	begin, next := p.read, p.now.Add(beat)
	for end := p.now.Add(d); p.now.Before(end); {
		p.now = p.now.Add(p.pace.take(pacedBlock, time.Time{}) + time.Duration(pacedBlock/full*1e9))
		p.read += pacedBlock
		if p.now.Before(next) || ack == nil {
			continue
		}
		p.pace.Acked(bytes, ack((p.read-begin)/p.now.Sub(next.Add(-beat)).Seconds()))
		begin, next = p.read, p.now.Add(beat)
	}
}

// measure is the rate at which was read in a pass.
func (p *paced) measure(d time.Duration, full float64, bytes int64, ack func(float64) time.Duration) float64 {
	before, start := p.read, p.now
	p.pass(d, full, bytes, ack)
	return (p.read - before) / p.now.Sub(start).Seconds()
}

// Acks that reading above 50 MB/s makes slow keep it about there; when nobody sends any more, readers are held no more.
func TestCatchingUpYieldsToIngest(t *testing.T) {
	p := newPaced()
	ack := func(rate float64) time.Duration {
		if rate > 50e6 {
			return 5 * time.Millisecond
		}
		return time.Millisecond
	}
	const full = 200e6
	p.pass(2*time.Second, full, 1000, ack)
	if rate := p.measure(time.Minute, full, 1000, ack); rate > 60e6 || rate < 20e6 {
		t.Errorf("%.0f MB/s are read beside acks that bear 50", rate/1e6)
	}
	if p.pace.Limit() > full {
		t.Errorf("the limit is %.0f", p.pace.Limit())
	}
	p.pass(2*time.Second, full, 0, nil)
	if rate := p.measure(10*time.Second, full, 0, nil); rate < 0.99*full || !math.IsInf(p.pace.Limit(), 1) {
		t.Errorf("%.0f MB/s are read while nobody sends, the limit is %.0f", rate/1e6, p.pace.Limit())
	}
}

// Acks that reading does not slow down hold nobody, but for the moments in which their best is learned.
func TestCatchingUpIsFreeWhereAcksAreQuick(t *testing.T) {
	p := newPaced()
	quick := func(float64) time.Duration { return time.Millisecond }
	const full = 200e6
	if rate := p.measure(time.Minute, full, 1000, quick); rate < 0.95*full {
		t.Errorf("%.0f MB/s are read of %.0f", rate/1e6, full/1e6)
	}
}

// However slow acks become, a backlog shrinks: more is read than comes in.
func TestCatchingUpNeverStops(t *testing.T) {
	p := newPaced()
	slower := time.Millisecond
	ack := func(float64) time.Duration { slower += slower / 100; return min(slower, time.Hour) }
	const comesIn = 100_000 / 0.01 // bytes a second
	if rate := p.measure(time.Minute, 200e6, 100_000, ack); rate < 1.9*comesIn || rate < leastPace {
		t.Errorf("%.0f MB/s are read while %.0f come in", rate/1e6, comesIn/1e6)
	}
	if hold := p.pace.take(16<<20, time.Time{}) + p.pace.take(16<<20, time.Time{}) + p.pace.take(1, time.Time{}); hold > 3*mostHeld {
		t.Errorf("a block is held for %v", hold)
	}
}

// What has just come in is not held, and neither is anybody at the end.
func TestPaceHoldsOnlyWhatIsOld(t *testing.T) {
	p := newPaced()
	p.pass(time.Second, 200e6, 1000, func(rate float64) time.Duration { return time.Duration(rate) })
	p.pace.take(16<<20, time.Time{})
	if hold := p.pace.take(pacedBlock, p.now.Add(-newcomer/2)); hold != 0 {
		t.Errorf("a new block is held for %v", hold)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var b buffer.Block
	b.RawLen = pacedBlock
	p.pace.wait(ctx, &b)
	if p.pace.Held() == 0 {
		t.Error("an old block is not held")
	}
}

// A lane's reader is held by the pace, and hands out every block all the same.
func TestReaderIsHeld(t *testing.T) {
	log, id := new(memlog.Log).Open(), buffer.NewStreamID()
	if _, err := log.Define(t.Context(), buffer.Definition{Stream: id, Name: "s"}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := log.Append(t.Context(), buffer.Batch{Stream: id, Records: [][]byte{make([]byte, 1000)}}); err != nil {
			t.Fatal(err)
		}
	}
	later := time.Now().Add(time.Hour) // all that is there is old
	pace := newPace(func() time.Time { return later })
	pace.next = later.Add(time.Millisecond)
	ctx, cancel := context.WithCancel(t.Context())
	err := log.Serve(ctx, func(ctx context.Context, in buffer.Lane) error {
		defer cancel()
		blocks := New(Config{}, Deps{Pace: pace}).readAhead(ctx, in, 0, nil)
		defer blocks.wait()
		defer cancel()
		for last := buffer.Seq(0); last < 3; {
			next := <-blocks.ready
			last = next.last()
			blocks.giveBack(next)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if pace.Held() == 0 {
		t.Error("the reader was not held")
	}
}
