package console

import (
	"encoding/json"
	"time"
)

// overview is what the page shows first.
type overview struct {
	Time    time.Time    `json:"time"`
	Write   bool         `json:"write"`
	Asks    bool         `json:"asks"`
	Node    NodeState    `json:"node"`
	Streams []streamLine `json:"streams"`
}

// streamLine is a stream in the overview.
type streamLine struct {
	Stream
	State      string  `json:"state"`
	Age        float64 `json:"oldest_seconds"`
	Rates      rates   `json:"rates"`
	ObjectSize int64   `json:"object_bytes"` // mean of the last objects, as uploaded; 0 if none is known
}

// watched is the last overview, for all who look on at once.
type watched struct {
	viewers int
	text    []byte        // made for the first one who asks
	last    overview      // what it is made from
	changed chan struct{} // closed and made anew at each sample
}

// sample looks at the node once. Nobody looking on, it only notes numbers.
func (c *Console) sample(now time.Time) {
	node, streams := c.deps.Node.State(), c.deps.Node.Streams()
	c.mu.Lock()
	defer c.mu.Unlock()
	seconds := c.history.next(now, c.config.Every)
	c.history.node[c.history.tick%c.history.size] = sample{
		float32(node.Sync), float32(node.SlowestSync), float32(node.Memory), float32(node.Disk), float32(node.Uploading),
	}
	view := overview{Time: now, Write: c.config.Write, Asks: c.config.Asks, Node: node, Streams: []streamLine{}}
	for i := range streams {
		s := &streams[i]
		view.Streams = append(view.Streams, streamLine{
			Stream: *s, State: s.state(now), Age: s.age(now), Rates: c.history.add(s, now, seconds), ObjectSize: c.objects.size(s.Name),
		})
	}
	c.history.sweep()
	c.watched.last, c.watched.text = view, nil
	close(c.watched.changed)
	c.watched.changed = make(chan struct{})
}

// latest returns the last overview, also as JSON, and a channel that is closed when there is a newer one.
func (c *Console) latest() (overview, []byte, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.watched.text == nil {
		c.watched.text = encode(c.watched.last)
	}
	return c.watched.last, c.watched.text, c.watched.changed
}

func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic("console: what is shown is always JSON: " + err.Error()) // strings, numbers and times
	}
	return text
}
