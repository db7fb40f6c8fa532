package delivery

import (
	"context"
	"encoding/json"
	"strings"
	"sync"

	"hydrant/buffer"
)

// refusedPrefix begins the state keys that say at which places this data directory was found to be a copy.
const refusedPrefix = "refused/"

// refusals are the places where another life holds the lease, as the lanes that met it wrote down. They are durable: each
// start raises the epoch, and a copy would otherwise only have to be started often enough to be taken for the younger one.
type refusals struct {
	mu  sync.Mutex
	met map[refusal]bool
}

type refusal struct {
	lane  buffer.LaneID
	place string
}

func newRefusals() *refusals { return &refusals{met: map[refusal]bool{}} }

// restore takes in what a lane's last lives met.
func (r *refusals) restore(lane buffer.Lane) {
	r.mu.Lock()
	defer r.mu.Unlock()
	id := lane.Info().ID
	for key := range lane.State() {
		if place, ok := strings.CutPrefix(key, refusedPrefix); ok {
			r.met[refusal{id, place}] = true
		}
	}
}

// at reports whether any lane was refused at a place.
func (r *refusals) at(place string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for met := range r.met {
		if met.place == place {
			return true
		}
	}
	return false
}

// forget reports whether there was something to forget.
func (r *refusals) forget(met refusal) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	had := r.met[met]
	delete(r.met, met)
	return had
}

// refuse makes a refusal durable.
func (l *lane) refuse(ctx context.Context, e *LeaseError) error {
	data, err := json.Marshal(e.Other)
	if err != nil {
		return err
	}
	return l.commit(ctx, buffer.Change{Put: []buffer.Entry{{Key: refusedPrefix + e.Place, Value: data}}})
}

// admit forgets a refusal once the lease is ours: the operator has removed the other's.
func (l *lane) admit(ctx context.Context, place string) error {
	if !l.service.refused.forget(refusal{l.info.ID, place}) {
		return nil
	}
	return l.commit(ctx, buffer.Change{Delete: []string{refusedPrefix + place}})
}
