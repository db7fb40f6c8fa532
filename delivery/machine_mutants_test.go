package delivery_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hydrant/buffer"
	"hydrant/delivery"
)

// mutant spoils one decision on its way.
type mutant struct {
	batch  func(*buffer.Batch)
	change func(*buffer.Change, buffer.LaneInfo)
	crash  func(*machine)
}

// mutants are decisions that would be wrong. What the machine cannot tell from the product proves nothing about it.
var mutants = map[string]mutant{
	"reclaimed one too early": {change: func(c *buffer.Change, info buffer.LaneInfo) {
		if 0 < c.Cursor && c.Cursor < info.Head {
			c.Cursor++
		}
	}},
	"what was one partition too many forgotten": {change: func(c *buffer.Change, _ buffer.LaneInfo) {
		c.Put = slices.DeleteFunc(c.Put, func(e buffer.Entry) bool { return strings.HasPrefix(e.Key, "overflow/") })
	}},
	"an object's membership not written down": {change: func(c *buffer.Change, _ buffer.LaneInfo) {
		c.Put = slices.DeleteFunc(c.Put, func(e buffer.Entry) bool { m := manifestIn(e); return m != nil && !m.Delivered })
	}},
	"an object's membership changed at the retry": {change: func(c *buffer.Change, _ buffer.LaneInfo) {
		for i, e := range c.Put {
			if m := manifestIn(e); m != nil && !m.Delivered && m.To > m.First {
				m.To--
				c.Put[i].Value = encoded(m)
			}
		}
	}},
	"what is delivered forgotten before the cursor has passed it": {change: func(c *buffer.Change, _ buffer.LaneInfo) {
		for _, e := range c.Put {
			if m := manifestIn(e); m != nil && m.Delivered {
				c.Delete = append(c.Delete, e.Key)
			}
		}
	}},
	"a delivered mark before the delivery": {change: func(c *buffer.Change, _ buffer.LaneInfo) {
		for i, e := range c.Put {
			if m := manifestIn(e); m != nil {
				m.Delivered = true
				c.Put[i].Value = encoded(m)
			}
		}
	}},
	"the books not written with the cursor": {change: func(c *buffer.Change, _ buffer.LaneInfo) {
		c.Put = slices.DeleteFunc(c.Put, func(e buffer.Entry) bool { return strings.HasPrefix(e.Key, "totals") })
	}},
	"a record changed on its way": {batch: func(b *buffer.Batch) {
		for i, r := range b.Records {
			b.Records[i] = bytes.Replace(r, []byte(`"key":"b"`), []byte(`"key":"a"`), 1)
		}
	}},
	"keys forgotten": {batch: func(b *buffer.Batch) { b.Key = buffer.Key{} }},
	"keys forgotten over a crash": {crash: func(w *machine) {
		w.log.Elapsed = func() time.Duration { return time.Duration(w.lives) * 24 * time.Hour }
	}},
}

func manifestIn(e buffer.Entry) *delivery.Manifest {
	m, ok, err := delivery.DecodeManifest(e.Key, e.Value)
	if !ok || err != nil {
		return nil
	}
	return m
}

func encoded(m *delivery.Manifest) []byte {
	data, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return data
}

// Each mutant is found, and soon.
func TestMachineFindsMutants(t *testing.T) {
	const most = 3000 // histories
	for name, m := range mutants {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range most {
				var found any
				rapid.Custom(func(rt *rapid.T) bool {
					inBubble(t, func() {
						defer func() { found = recover() }() // rapid would draw another history
						live(rt, m)
					})
					return true
				}).Example(seed)
				if found != nil {
					t.Logf("found by history %d: %v", seed, found)
					return
				}
			}
			t.Errorf("not found in %d histories", most)
		})
	}
}
