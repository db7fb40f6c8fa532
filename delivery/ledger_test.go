package delivery

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"hydrant/buffer"
)

// model is one lane's life reduced to its decisions. What is durable is what survives a crash: the log, the manifests
// and the cursor. visible is the destination.
type model struct {
	log       []string // partition of each record; the record at index i has sequence i+1
	manifests map[string]Manifest
	cursor    buffer.Seq
	visible   map[string][]buffer.Seq // by object key

	ledger *ledger
	open   map[string]*modelObject
	sealed []*modelObject
	epoch  int
}

type modelObject struct {
	entry    *entry
	manifest Manifest
	members  []buffer.Seq
}

// start begins a life from what is durable.
func (m *model) start() {
	m.epoch++
	m.ledger, m.open, m.sealed = newLedger(m.cursor), map[string]*modelObject{}, nil
	for _, stored := range m.manifests {
		e := m.ledger.restore(&stored)
		if stored.Delivered {
			continue
		}
		o := &modelObject{entry: e, manifest: stored}
		for i, p := range m.log {
			if seq := buffer.Seq(i + 1); p == stored.Partition && stored.From < seq && seq <= stored.To {
				o.members = append(o.members, seq)
			}
		}
		m.sealed = append(m.sealed, o)
	}
}

func (m *model) read() {
	seq := m.ledger.position + 1
	if int(seq) > len(m.log) {
		return
	}
	p := m.log[seq-1]
	if o := m.open[p]; o != nil {
		o.members = append(o.members, seq)
	} else if id := (partitionID{1, p}); !m.ledger.covered(id, seq) {
		m.open[p] = &modelObject{entry: m.ledger.open(id, seq), members: []buffer.Seq{seq}}
	}
	m.ledger.position = seq
}

// seal makes one manifest durable. crash leaves it at that.
func (m *model) seal(p string, crash bool) {
	o := m.open[p]
	if o == nil {
		return
	}
	delete(m.open, p)
	first, last := o.members[0], o.members[len(o.members)-1]
	o.manifest = Manifest{
		Version: 1, Partition: p, From: m.ledger.from(o.entry.partition), First: first, To: last,
		Outputs: int64(len(o.members)), Key: fmt.Sprintf("%s-%d-%d", p, m.epoch, last),
	}
	m.manifests[o.manifest.Key] = o.manifest
	if crash {
		m.start()
		return
	}
	m.ledger.seal(o.entry, o.manifest.Key, last)
	m.sealed = append(m.sealed, o)
}

// deliver uploads the i-th sealed object, and marks it unless the process dies before that.
func (m *model) deliver(t *rapid.T, i int, crash bool) {
	o := m.sealed[i]
	if before, ok := m.visible[o.manifest.Key]; ok && fmt.Sprint(before) != fmt.Sprint(o.members) {
		t.Fatalf("object %s held %v and is remade with %v", o.manifest.Key, before, o.members)
	}
	m.visible[o.manifest.Key] = o.members
	if crash {
		m.start()
		return
	}
	m.sealed = append(m.sealed[:i], m.sealed[i+1:]...)
	m.ledger.settle(o.entry)
	cursor, passed := m.ledger.advance()
	done := o.manifest
	done.Delivered = true
	m.manifests[done.Key] = done
	for _, key := range passed {
		delete(m.manifests, key)
	}
	if cursor < m.cursor {
		t.Fatalf("the cursor fell from %d to %d", m.cursor, cursor)
	}
	m.cursor = cursor
}

// check verifies that nothing is twice anywhere, and nothing below the cursor is missing.
func (m *model) check(t *rapid.T) {
	if err := m.ledger.check(); err != nil {
		t.Fatal(err)
	}
	seen := map[buffer.Seq]string{}
	for key, members := range m.visible {
		for _, seq := range members {
			if other, ok := seen[seq]; ok {
				t.Fatalf("record %d is in %s and in %s", seq, other, key)
			}
			seen[seq] = key
		}
	}
	for seq := buffer.Seq(1); seq <= m.cursor; seq++ {
		if seen[seq] == "" {
			t.Fatalf("record %d is below the cursor %d and in no object", seq, m.cursor)
		}
	}
}

// Whatever is sealed, delivered and killed in whatever order, every record ends in exactly one object.
func TestLedgerExactlyOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{manifests: map[string]Manifest{}, visible: map[string][]buffer.Seq{}}
		m.start()
		partitions := []string{"a", "b", "c"}
		partition := rapid.SampledFrom(partitions)
		t.Repeat(map[string]func(*rapid.T){
			"":       m.check,
			"append": func(t *rapid.T) { m.log = append(m.log, partition.Draw(t, "partition")) },
			"read":   func(*rapid.T) { m.read() },
			"seal":   func(t *rapid.T) { m.seal(partition.Draw(t, "partition"), rapid.IntRange(0, 9).Draw(t, "crash") == 0) },
			"deliver": func(t *rapid.T) {
				if len(m.sealed) > 0 {
					i := rapid.IntRange(0, len(m.sealed)-1).Draw(t, "object")
					m.deliver(t, i, rapid.IntRange(0, 9).Draw(t, "crash") == 0)
				}
			},
			"crash": func(*rapid.T) { m.start() },
		})
		for int(m.ledger.position) < len(m.log) {
			m.read()
		}
		for _, p := range partitions {
			m.seal(p, false)
		}
		for len(m.sealed) > 0 {
			m.deliver(t, 0, false)
			m.check(t)
		}
		m.cursor, _ = m.ledger.advance()
		if int(m.cursor) != len(m.log) {
			t.Fatalf("everything is delivered, but the cursor is %d of %d", m.cursor, len(m.log))
		}
		m.check(t)
	})
}
