package badgerlog

import (
	"iter"

	"hydrant/buffer"
)

// stored is a piece of live state and the generation that holds it.
type stored struct {
	value      []byte
	generation *generation
}

// piece names a piece of one lane's state.
type piece struct {
	kind kind
	key  string
}

// stateTable is the live state. It is kept by lane, so that to look at one lane costs nothing for the others.
type stateTable map[buffer.LaneID]map[piece]stored

func (t stateTable) get(k stateKey) stored { return t[k.lane][piece{k.kind, k.key}] }

func (t stateTable) put(k stateKey, s stored) {
	lane := t[k.lane]
	if lane == nil {
		lane = map[piece]stored{}
		t[k.lane] = lane
	}
	lane[piece{k.kind, k.key}] = s
}

func (t stateTable) remove(k stateKey) {
	lane := t[k.lane]
	delete(lane, piece{k.kind, k.key})
	if len(lane) == 0 {
		delete(t, k.lane)
	}
}

// all yields every piece, in no order.
func (t stateTable) all() iter.Seq2[stateKey, stored] {
	return func(yield func(stateKey, stored) bool) {
		for lane, pieces := range t {
			for p, s := range pieces {
				if !yield(stateKey{p.kind, lane, p.key}, s) {
					return
				}
			}
		}
	}
}
