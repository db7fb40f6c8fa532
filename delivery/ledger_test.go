package delivery

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"hydrant/buffer"
)

// model is one lane's life reduced to its decisions. What is durable is what survives a crash: the log, the manifests
// and the cursor. visible is the destination.
type model struct {
	log       []string // the partitions of each record's outputs, a letter each; the one at index i has sequence i+1
	manifests map[string]Manifest
	cursor    buffer.Seq
	dropped   int64                   // with the cursor
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
		for i, outputs := range m.log {
			if seq := buffer.Seq(i + 1); stored.From < seq && seq <= stored.To {
				o.members = append(o.members, slices.Repeat([]buffer.Seq{seq}, strings.Count(outputs, stored.Partition))...)
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
	for _, p := range strings.Split(m.log[seq-1], "") {
		if o := m.open[p]; o != nil {
			o.members = append(o.members, seq)
		} else if id := (partitionID{1, p}); !m.ledger.covered(id, seq) {
			m.open[p] = &modelObject{entry: m.ledger.open(id, seq), members: []buffer.Seq{seq}}
		}
	}
	if m.log[seq-1] == "" {
		m.ledger.drop(seq)
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

// upload is how the upload of an object ends.
type upload int

const (
	uploaded upload = iota
	refused         // it is not there, and is tried again
	unknown         // it is there, but the answer is lost: it is tried again, and found
	died            // it is there, and the process is dead before that is marked
)

// deliver uploads the i-th sealed object, and marks it where it is known to be there.
func (m *model) deliver(t *rapid.T, i int, end upload) {
	o := m.sealed[i]
	if end == refused {
		return
	}
	if before, ok := m.visible[o.manifest.Key]; ok && fmt.Sprint(before) != fmt.Sprint(o.members) {
		t.Fatalf("object %s held %v and is remade with %v", o.manifest.Key, before, o.members)
	}
	m.visible[o.manifest.Key] = o.members
	switch end {
	case unknown:
		return
	case died:
		m.start()
		return
	}
	m.sealed = append(m.sealed[:i], m.sealed[i+1:]...)
	m.ledger.settle(o.entry)
	passed := m.advance(t)
	done := o.manifest
	done.Delivered = true
	m.manifests[done.Key] = done
	for _, key := range passed {
		delete(m.manifests, key)
	}
}

func (m *model) advance(t *rapid.T) (passed []string) {
	cursor, passed := m.ledger.advance()
	if cursor < m.cursor {
		t.Fatalf("the cursor fell from %d to %d", m.cursor, cursor)
	}
	m.cursor = cursor
	m.dropped += m.ledger.dropped()
	return passed
}

// check verifies that nothing is twice anywhere, and that nothing below the cursor is missing or not counted.
func (m *model) check(t *rapid.T) {
	if err := m.ledger.check(); err != nil {
		t.Fatal(err)
	}
	seen := make([]string, len(m.log)) // the partitions that each record is in, as often as it is
	for key, members := range m.visible {
		for _, seq := range members {
			seen[seq-1] += key[:1]
		}
	}
	var dropped int64
	for i, outputs := range m.log {
		for _, p := range []string{"a", "b", "c"} {
			want, have := strings.Count(outputs, p), strings.Count(seen[i], p)
			if have > want || have < want && buffer.Seq(i+1) <= m.cursor {
				t.Fatalf("record %d has %d outputs in partition %s, of %d; the cursor is %d", i+1, have, p, want, m.cursor)
			}
		}
		if outputs == "" && buffer.Seq(i+1) <= m.cursor {
			dropped++
		}
	}
	if dropped != m.dropped {
		t.Fatalf("%d records are dropped below the cursor %d, %d are counted", dropped, m.cursor, m.dropped)
	}
}

// Whatever is sealed, delivered, refused, tried again and killed in whatever order, every output of every record ends in exactly one object, and
// every record without outputs is counted once.
func TestLedgerExactlyOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{manifests: map[string]Manifest{}, visible: map[string][]buffer.Seq{}}
		m.start()
		partitions := []string{"a", "b", "c"}
		partition, outputs := rapid.SampledFrom(partitions), rapid.SampledFrom([]string{"a", "a", "b", "c", "", "ab", "aab", "cb"})
		uploads := rapid.SampledFrom([]upload{uploaded, uploaded, uploaded, uploaded, uploaded, uploaded, refused, unknown, unknown, died})
		t.Repeat(map[string]func(*rapid.T){
			"":       m.check,
			"append": func(t *rapid.T) { m.log = append(m.log, outputs.Draw(t, "outputs")) },
			"read":   func(*rapid.T) { m.read() },
			"seal":   func(t *rapid.T) { m.seal(partition.Draw(t, "partition"), rapid.IntRange(0, 9).Draw(t, "crash") == 0) },
			"deliver": func(t *rapid.T) {
				if len(m.sealed) > 0 {
					i := rapid.IntRange(0, len(m.sealed)-1).Draw(t, "object")
					m.deliver(t, i, uploads.Draw(t, "upload"))
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
			m.deliver(t, 0, uploaded)
			m.check(t)
		}
		m.advance(t)
		if int(m.cursor) != len(m.log) {
			t.Fatalf("everything is delivered, but the cursor is %d of %d", m.cursor, len(m.log))
		}
		m.check(t)
	})
}

// A sealed object of the last life may hold the cursor between two records without outputs: one is counted with the cursor,
// the other is met again.
func TestDropsAroundRestoredObject(t *testing.T) {
	l := newLedger(0)
	l.restore(&Manifest{Version: 1, Partition: "a", From: 1, First: 2, To: 2})
	l.drop(1)
	l.drop(3)
	l.position = 3
	if cursor, _ := l.advance(); cursor != 1 {
		t.Fatalf("the cursor is %d", cursor)
	}
	if n := l.dropped(); n != 1 {
		t.Errorf("%d records are counted as dropped below the cursor", n)
	}
}
