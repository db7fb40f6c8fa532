package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"hydrant/buffer"
	"hydrant/stream"
)

// dataKeys is what streams need of the ring.
type dataKeys interface {
	buffer.DataKeys
	Make(ctx context.Context, master string, used buffer.DataKeyID) (buffer.DataKeyID, error)
	Try(ctx context.Context, master string) error
	Keep(needed map[buffer.DataKeyID]bool) error
}

// openKeys opens the ring of data keys, which lies beside the buffer, whose lock must be held.
func (n *node) openKeys() {
	n.keys.Open(context.Background())
	n.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "hydrant_data_keys_missing",
		Help: "Data keys that cannot be opened, and streams for which none can be made: their streams hold until they can.",
	}, func() float64 { return float64(len(n.keys.Missing()) + len(n.streams.lockedStreams())) }))
}

const (
	keysLook  = time.Second // between two looks for data keys that are not needed any more, and for streams that wait for one
	mostLooks = 15          // that a stream which waits is passed over
)

// tendKeys goes on trying what failed, and forgets what is not needed, until ctx ends.
func (n *node) tendKeys(ctx context.Context) {
	n.delivering.Go(func() { n.keys.Run(ctx, n.lackingKeys) })
	n.delivering.Go(func() {
		for wait, passed := 1, 0; ; {
			select {
			case <-time.After(keysLook):
			case <-ctx.Done():
				return
			}
			if err := n.streams.forgetKeys(); err != nil {
				n.log.Warn("data keys that are not needed stay", "reason", err)
			}
			if len(n.streams.lockedStreams()) == 0 {
				wait, passed = 1, 0
			} else if passed++; passed >= wait {
				n.streams.unlock(ctx)
				wait, passed = min(2*wait, mostLooks), 0
			}
		}
	})
}

// lackingKeys reports whether a stream needs a data key that the ring does not know.
func (n *node) lackingKeys() bool {
	known := map[buffer.DataKeyID]bool{}
	for _, missing := range n.keys.Missing() {
		known[missing.ID] = true
	}
	for key := range n.buffer.NeededKeys() {
		if _, err := n.keys.Key(key); err != nil && !known[key] {
			return true
		}
	}
	return false
}

// keyFor is the data key that a definition asks for: the one in force, where that was made for the same, or a new one.
// Called with changing held.
func (s *streamSet) keyFor(ctx context.Context, known buffer.Stream, d stream.Stream) (buffer.DataKeyID, error) {
	if d.Encrypt == "" {
		return 0, nil
	}
	if before, err := stream.Decode(known.Current.Data); err == nil && known.Current.Key != 0 &&
		before.Encrypt == d.Encrypt && before.EncryptRevision == d.EncryptRevision {
		return known.Current.Key, nil
	}
	if failed := s.silent[d.Encrypt]; failed != nil {
		return 0, failed
	}
	var used buffer.DataKeyID
	for key := range s.log.NeededKeys() {
		used = max(used, key)
	}
	key, err := s.keys.Make(ctx, d.Encrypt, used)
	var missing *buffer.DataKeyError
	if errors.As(err, &missing) {
		s.silent[d.Encrypt] = missing
	}
	return key, err
}

// forgetKeys lets go of the data keys that nothing needs any more. No definition is put in force meanwhile: what one is
// about to need is not forgotten.
func (s *streamSet) forgetKeys() error {
	s.changing.Lock()
	defer s.changing.Unlock()
	return s.keys.Keep(s.log.NeededKeys())
}

// lockedStreams are the streams that take no records because their data key cannot be made, by name.
func (s *streamSet) lockedStreams() map[string]*buffer.DataKeyError {
	if locked := s.locked.Load(); locked != nil {
		return *locked
	}
	return nil
}

// unlock tries once more to put locked streams in force.
func (s *streamSet) unlock(ctx context.Context) {
	s.changing.Lock()
	defer s.changing.Unlock()
	if err := s.apply(ctx, s.configured, s.made); err != nil && ctx.Err() == nil {
		s.logger.Warn("streams that wait for a data key cannot be put in force", "reason", err)
	}
}

// noteLocked tells once of each stream that is locked, and once that it is not.
func (s *streamSet) noteLocked(locked map[string]*buffer.DataKeyError) {
	before := s.lockedStreams()
	for name, missing := range locked {
		if b := before[name]; b == nil || b.Reason != missing.Reason {
			s.logger.Error("a stream takes no records until there is a data key for it", "stream", name, "reason", missing.Reason)
		}
	}
	for name := range before {
		if locked[name] == nil {
			s.logger.Info("a stream that waited for a data key is in force", "stream", name)
		}
	}
	s.locked.Store(&locked)
}

// keyTrouble is why a stream cannot be written or read; nil if it can.
func (s *streamSet) keyTrouble(k buffer.Stream) *buffer.DataKeyError {
	if missing := s.lockedStreams()[k.Name]; missing != nil {
		return missing
	}
	for _, v := range k.InUse {
		if v.Key == 0 {
			continue
		}
		var missing *buffer.DataKeyError
		if _, err := s.keys.Key(v.Key); errors.As(err, &missing) {
			return missing
		}
	}
	return nil
}

// checkKeys names the streams that hold for want of a data key.
func (n *node) checkKeys() error {
	var errs []error
	told := map[string]bool{}
	tell := func(name string, reason any) {
		if !told[name] {
			told[name] = true
			errs = append(errs, fmt.Errorf("stream %s: %v", name, reason))
		}
	}
	stats := n.buffer.Stats()
	for _, k := range n.buffer.Streams() {
		if missing := n.streams.keyTrouble(k); missing != nil {
			tell(k.Name, missing)
		} else if locked := stats.Streams[k.ID].Locked; locked != "" {
			tell(k.Name, locked)
		}
	}
	for name, missing := range n.streams.lockedStreams() {
		tell(name, missing)
	}
	return errors.Join(errs...)
}
