package console

import "time"

// What is kept to look back on: 15 minutes of every stream, up to a number of streams that takes about 5 MB.
const (
	span       = 15 * time.Minute
	maxStreams = 1000
)

// sample is a stream, or the node, at one tick.
type sample [5]float32

// Columns of a stream's samples, and of the node's.
var (
	streamColumns = [5]string{"in", "out", "failed", "pending", "oldest"} // the first three in records a second
	nodeColumns   = [5]string{"sync", "sync_max", "memory", "disk", "uploading"}
)

// series is one stream's samples, a ring in step with the history's ticks.
type series struct {
	samples []sample
	first   int // tick
	seen    int // the last tick
	last    totals
	rates   rates
}

// totals are what rates are made of.
type totals struct{ accepted, acceptedBytes, delivered, deliveredBytes, failed int64 }

// rates are of the time between the last two samples, a second.
type rates struct {
	In       float64 `json:"in"`
	InBytes  float64 `json:"in_bytes"`
	Out      float64 `json:"out"`
	OutBytes float64 `json:"out_bytes"`
	Failed   float64 `json:"failed"`
}

// history is the node's and the streams' samples. Its owner locks.
type history struct {
	size    int
	tick    int // of the last sample, from 1
	times   []int64
	node    []sample
	streams map[string]*series
}

// next begins a tick and returns the seconds since the one before; 0 for the first.
func (h *history) next(now time.Time, every time.Duration) float64 {
	if h.size == 0 {
		h.size = max(2, int(span/every))
		h.times, h.node = make([]int64, h.size), make([]sample, h.size)
	}
	before := h.times[h.tick%h.size]
	h.tick++
	h.times[h.tick%h.size] = now.UnixMilli()
	if h.tick == 1 {
		return 0
	}
	return max(float64(now.UnixMilli()-before)/1000, 0.001)
}

// add notes a stream at this tick and returns its rates.
func (h *history) add(s *Stream, now time.Time, seconds float64) rates {
	t := totals{s.Accepted, s.AcceptedBytes, s.Delivered, s.DeliveredBytes, s.failed()}
	of := h.streams[s.Name]
	if of == nil {
		if len(h.streams) == maxStreams {
			return rates{}
		}
		of = &series{samples: make([]sample, h.size), first: h.tick, last: t}
		h.streams[s.Name] = of
	}
	of.rates = rates{}
	if seconds > 0 {
		rate := func(now, before int64) float64 { return max(0, float64(now-before)/seconds) }
		of.rates = rates{
			rate(t.accepted, of.last.accepted), rate(t.acceptedBytes, of.last.acceptedBytes),
			rate(t.delivered, of.last.delivered), rate(t.deliveredBytes, of.last.deliveredBytes), rate(t.failed, of.last.failed),
		}
	}
	of.last, of.seen = t, h.tick
	of.samples[h.tick%h.size] = sample{
		float32(of.rates.In), float32(of.rates.Out), float32(of.rates.Failed), float32(s.Pending), float32(s.age(now)),
	}
	return of.rates
}

// sweep forgets streams that are gone.
func (h *history) sweep() {
	for name, of := range h.streams {
		if of.seen != h.tick {
			delete(h.streams, name)
		}
	}
}

// plots are columns of samples, the oldest first.
type plots map[string][]float64

// of returns the samples since a tick.
func (h *history) of(ring []sample, names [5]string, first int) plots {
	all := plots{"time": {}}
	for tick := max(first, h.tick-h.size+1, 1); tick <= h.tick; tick++ {
		all["time"] = append(all["time"], float64(h.times[tick%h.size])/1000)
		for i, name := range names {
			all[name] = append(all[name], float64(ring[tick%h.size][i]))
		}
	}
	return all
}
