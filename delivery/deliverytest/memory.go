package deliverytest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"hydrant/delivery"
)

// The operations of a destination, as delivery.Error names them.
const (
	Create = "create"
	Stat   = "stat"
	Open   = "open"
)

// Memory is a destination in memory. It keeps every promise of delivery.Destination except durability, and fails as a
// test asks. All methods may run at once.
type Memory struct {
	mu       sync.Mutex
	objects  map[string]delivery.Object
	records  map[string]record
	before   map[string][]error // by operation: answers of the next calls, which do nothing
	after    map[string][]error // by operation: answers of the next calls, which do their work
	hooks    map[string]func(ctx context.Context, key string) error
	calls    map[string]int
	delay    time.Duration
	metadata bool
}

// NewMemory returns a destination without objects and faults.
func NewMemory() *Memory {
	return &Memory{
		objects:  make(map[string]delivery.Object),
		records:  make(map[string]record),
		before:   make(map[string][]error),
		after:    make(map[string][]error),
		hooks:    make(map[string]func(context.Context, string) error),
		calls:    make(map[string]int),
		metadata: true,
	}
}

// Fail makes the next n calls of the operation answer err and do nothing. An err that is neither a *delivery.Error nor
// one of delivery's own answers becomes the cause of a transient one.
func (m *Memory) Fail(op string, n int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.before[op] = append(m.before[op], slices.Repeat([]error{err}, n)...)
}

// LoseReply makes the next n calls of the operation that reach their end answer err, although they did their work.
func (m *Memory) LoseReply(op string, n int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.after[op] = append(m.after[op], slices.Repeat([]error{err}, n)...)
}

// Hook has f called at the start of each call of the operation. f may wait; if it returns an error, that is the answer
// and nothing is done. nil takes the hook away.
func (m *Memory) Hook(op string, f func(ctx context.Context, key string) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hooks[op] = f
}

// Delay makes every call take at least d.
func (m *Memory) Delay(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.delay = d
}

// KeepNoMetadata makes Stat return nothing, as a directory does.
func (m *Memory) KeepNoMetadata() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.metadata = false
}

// Calls says how often the operation was called.
func (m *Memory) Calls(op string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls[op]
}

// Keys returns the keys of all objects in order.
func (m *Memory) Keys() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.objects))
}

// Object returns an object, its body in one piece, and whether there is one.
func (m *Memory) Object(key string) (delivery.Object, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o, ok := m.objects[key]
	return o, ok
}

// Remove takes an object away, as no operation can.
func (m *Memory) Remove(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.objects, key)
}

func (m *Memory) Create(ctx context.Context, o *delivery.Object) error {
	return m.call(ctx, Create, o.Key, func() error {
		if _, ok := m.objects[o.Key]; ok {
			return delivery.ErrExists
		}
		stored := *o
		stored.Body = delivery.Body{bytes.Join(o.Body, nil)}
		m.objects[o.Key] = stored
		return nil
	})
}

func (m *Memory) Stat(ctx context.Context, key string) (delivery.Metadata, error) {
	var metadata delivery.Metadata
	err := m.call(ctx, Stat, key, func() error {
		o, ok := m.objects[key]
		if !ok {
			return delivery.ErrNotExist
		}
		if m.metadata {
			metadata = o.Metadata
		}
		return nil
	})
	return metadata, err
}

func (m *Memory) Open(ctx context.Context, key string) (io.ReadCloser, error) {
	var body []byte
	err := m.call(ctx, Open, key, func() error {
		o, ok := m.objects[key]
		if !ok {
			return delivery.ErrNotExist
		}
		body = o.Body[0]
		return nil
	})
	if err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(body)), nil
}

// call surrounds work, which it runs with the mutex held, with the faults that are set.
func (m *Memory) call(ctx context.Context, op, key string, work func() error) error {
	if err := m.start(ctx, op, key); err != nil {
		return answer(op, key, true, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := take(m.before, op); err != nil {
		return answer(op, key, true, err)
	}
	if err := work(); err != nil {
		return err
	}
	if err := take(m.after, op); err != nil {
		return answer(op, key, false, err)
	}
	return nil
}

// start counts the call, waits, and calls the hook.
func (m *Memory) start(ctx context.Context, op, key string) error {
	m.mu.Lock()
	m.calls[op]++
	delay, hook := m.delay, m.hooks[op]
	m.mu.Unlock()

	if len(key) == 0 || len(key) > 1024 {
		return &delivery.Error{Class: delivery.Held, Err: fmt.Errorf("a key has 1 to 1,024 bytes, this one %d", len(key))}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if delay > 0 {
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		}
	}
	if hook != nil {
		return hook(ctx, key)
	}
	return nil
}

// take removes and returns the operation's next fault.
func take(faults map[string][]error, op string) error {
	if len(faults[op]) == 0 {
		return nil
	}
	err := faults[op][0]
	faults[op] = faults[op][1:]
	return err
}

// answer gives an error the form that the contract asks for. nothingDone is what the fake knows and a real destination
// often does not: it fills Refused only where the test did not choose the error itself.
func answer(op, key string, nothingDone bool, err error) error {
	if errors.Is(err, delivery.ErrExists) || errors.Is(err, delivery.ErrNotExist) {
		return err
	}
	var chosen *delivery.Error
	if errors.As(err, &chosen) {
		full := *chosen
		full.Op, full.Key = op, key
		return &full
	}
	return &delivery.Error{Op: op, Key: key, Refused: nothingDone, Err: err}
}
