package deliverytest

import (
	"context"
	"slices"
	"strconv"

	"hydrant/delivery"
)

// record is one of a Memory's records.
type record struct {
	data    []byte
	version int
}

// Lease is the operation of records, for Fail and Hook.
const Lease = "lease"

func (m *Memory) LoadRecord(ctx context.Context, name string) (data []byte, tag string, err error) {
	err = m.call(ctx, Lease, name, func() error {
		r, ok := m.records[name]
		if !ok {
			return delivery.ErrNotExist
		}
		data, tag = slices.Clone(r.data), strconv.Itoa(r.version)
		return nil
	})
	return data, tag, err
}

func (m *Memory) StoreRecord(ctx context.Context, name, tag string, data []byte) error {
	return m.call(ctx, Lease, name, func() error {
		r, ok := m.records[name]
		if ok && tag != strconv.Itoa(r.version) || !ok && tag != "" {
			return delivery.ErrExists
		}
		m.records[name] = record{slices.Clone(data), r.version + 1}
		return nil
	})
}

func (m *Memory) RecordPlace(name string) string { return "the record " + name }

// RemoveRecord takes a record away, as an operator does.
func (m *Memory) RemoveRecord(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.records, name)
}

// Record is a record's text, empty if there is none.
func (m *Memory) Record(name string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return string(m.records[name].data)
}

// SetRecord stores a record as somebody else does.
func (m *Memory) SetRecord(name, text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.records[name] = record{[]byte(text), m.records[name].version + 1}
}
