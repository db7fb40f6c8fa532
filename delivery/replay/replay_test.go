package replay

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// world is a source, its marks and a node, all in memory. Each of their operations can fail, before or after its effect, as
// if the replay were killed there.
type world struct {
	objects map[string]string
	kept    map[string]mark
	stored  []string        // by the node
	keys    map[string]bool // that it remembers
	refuses func(records []record) *Refusal

	operations int
	failAt     int  // 0 means never
	after      bool // the effect is there, the answer is lost
	now        time.Time
}

var errKilled = errors.New("killed")

// step does an operation, unless it is the one to fail.
func (w *world) step(effect func()) error {
	w.operations++
	if w.operations != w.failAt {
		effect()
		return nil
	}
	if w.after {
		effect()
	}
	return errKilled
}

func (w *world) Name() string { return "world" }

func (w *world) List(_ context.Context, visit func(Object) error) error {
	for _, key := range slices.Sorted(maps.Keys(w.objects)) {
		if err := visit(Object{Key: key, Tag: "t", Size: int64(len(w.objects[key]))}); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) Open(_ context.Context, o Object) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(w.objects[o.Key])), nil
}

func (w *world) Remove(_ context.Context, o Object) error {
	return w.step(func() { delete(w.objects, o.Key) })
}

func (w *world) load(_ context.Context, key string) (*mark, string, error) {
	m, ok := w.kept[key]
	if !ok {
		return nil, "", nil
	}
	return clone(m), "", nil
}

func clone(m mark) *mark {
	m.Left, m.Refused = slices.Clone(m.Left), slices.Clone(m.Refused)
	if m.Sending != nil {
		sending := *m.Sending
		m.Sending = &sending
	}
	return &m
}

func (w *world) save(_ context.Context, m *mark, _ string) (string, error) {
	return "", w.step(func() { w.kept[m.Object.Key] = *clone(*m) })
}

func (w *world) close() error { return nil }

func (w *world) send(_ context.Context, key string, records []record) (duplicate bool, err error) {
	if w.refuses != nil {
		if refusal := w.refuses(records); refusal != nil {
			return false, refusal
		}
	}
	err = w.step(func() {
		if duplicate = w.keys[key]; duplicate {
			return
		}
		w.keys[key] = true
		for _, one := range records {
			w.stored = append(w.stored, string(one.data))
		}
	})
	return duplicate, err
}

func newWorld() *world {
	w := &world{objects: map[string]string{}, kept: map[string]mark{}, keys: map[string]bool{}, now: time.Unix(1e9, 0)}
	n := 0
	for i, size := range []int{7, 1, 4} {
		var lines strings.Builder
		for range size {
			fmt.Fprintf(&lines, `{"errorCode":"Any.Code","rawData":"%s"}`+"\n", base64.StdEncoding.EncodeToString(fmt.Append(nil, "record ", n)))
			n++
		}
		w.objects[fmt.Sprint("errors/", i)] = lines.String()
	}
	return w
}

func (w *world) wants() []string {
	var out []string
	for n := range 12 {
		out = append(out, fmt.Sprint("record ", n))
	}
	slices.Sort(out)
	return out
}

// replay runs once, with batches of two records.
func (w *world) replay(t *testing.T, change func(*Options)) (string, error) {
	t.Helper()
	var out bytes.Buffer
	o := Options{
		Source: w, Form: Errors{}, Node: Node{Stream: "clicks"}, Out: &out, Progress: &out,
		Decompress: func(r io.Reader) (io.ReadCloser, error) { return io.NopCloser(r), nil },
		Selection:  Selection{Zone: time.UTC},
	}
	if change != nil {
		change(&o)
	}
	r := &run{options: o, marks: w, sender: w, limit: 2, now: func() time.Time { return w.now }}
	err := r.all(t.Context())
	return out.String(), err
}

func (w *world) wantStored(t *testing.T, want []string) {
	t.Helper()
	got := slices.Sorted(slices.Values(w.stored))
	if !slices.Equal(got, want) {
		t.Errorf("the node stored %q, want %q", got, want)
	}
}

// Whatever fails, before or after its effect, and whatever fails in the run after that: in the end each record is stored once
// and every original is deleted, only after its records.
func TestReplayIsKilledEverywhere(t *testing.T) {
	refuseSome := func(records []record) *Refusal {
		if len(records) > 1 && slices.ContainsFunc(records, func(r record) bool { return string(r.data) == "record 4" }) {
			return &Refusal{Status: 413, Code: "body_too_large"} // alone it is taken
		}
		return nil
	}
	for _, after := range []bool{false, true} {
		for again := range 8 { // how many operations later the next run fails too; 0 means it does not
			for n, killed := 1, true; killed; n++ {
				w := newWorld()
				w.failAt, w.after, w.refuses = n, after, refuseSome
				_, err := w.replay(t, withDelete)
				if killed = errors.Is(err, errKilled); killed && again > 0 {
					w.failAt = w.operations + again
					_, err = w.replay(t, withDelete)
				}
				for tries := 0; errors.Is(err, errKilled) && tries < 3; tries++ {
					w.wantUndeleted(t)
					_, err = w.replay(t, withDelete)
				}
				if err != nil || len(w.objects) > 0 {
					t.Fatalf("killed at %d and %d more: got %v, and %d objects are left", n, again, err, len(w.objects))
				}
				if w.wantStored(t, w.wants()); t.Failed() {
					t.Fatalf("killed at operation %d, after its effect: %v, and %d more", n, after, again)
				}
			}
		}
	}
}

func withDelete(o *Options) { o.Delete = true }

// wantUndeleted wants the originals of everything that is not stored.
func (w *world) wantUndeleted(t *testing.T) {
	t.Helper()
	var there []string
	for _, content := range w.objects {
		for line := range strings.Lines(content) {
			raw, err := base64.StdEncoding.DecodeString(strings.Split(line, `"`)[7])
			if err != nil {
				t.Fatal(err)
			}
			there = append(there, string(raw))
		}
	}
	for _, want := range w.wants() {
		if !slices.Contains(there, want) && !slices.Contains(w.stored, want) {
			t.Fatalf("%s was deleted and is not stored", want)
		}
	}
}

func TestReplayTwiceStoresOnce(t *testing.T) {
	w := newWorld()
	for range 2 {
		if out, err := w.replay(t, nil); err != nil {
			t.Fatal(err, out)
		}
		clear(w.keys) // the node forgets; the marks do not
	}
	w.wantStored(t, w.wants())
	if len(w.objects) != 3 {
		t.Errorf("%d originals are left, want 3", len(w.objects))
	}
}

// A refused record is told with its place, and left: the next run sends it and nothing else.
func TestReplayLeavesWhatIsRefused(t *testing.T) {
	w := newWorld()
	w.refuses = func(records []record) *Refusal {
		if slices.ContainsFunc(records, func(r record) bool { return string(r.data) == "record 5" || string(r.data) == "record 7" }) {
			return &Refusal{Status: 400, Code: "invalid_record", Detail: "it is not JSON"}
		}
		return nil
	}
	out, err := w.replay(t, withDelete)
	if !errors.Is(err, ErrIncomplete) || !strings.Contains(out, "object errors/0: record 6 is refused: it is not JSON (invalid_record, status 400)") ||
		!strings.Contains(out, "left: 2 records that the node refused") {
		t.Errorf("got %v, %s", err, out)
	}
	if len(w.objects) != 2 || len(w.stored) != 10 {
		t.Errorf("%d objects are left and %d records stored, want 2 and 10", len(w.objects), len(w.stored))
	}
	w.refuses = nil
	plan, err := w.replay(t, func(o *Options) { o.DryRun = true })
	if err != nil || !strings.Contains(plan, "records: 2, 16 B\n  2  Any.Code") || !strings.Contains(plan, "2 of them were begun before") {
		t.Errorf("the plan of the rest: got %v, %s", err, plan)
	}
	if out, err := w.replay(t, withDelete); err != nil || len(w.objects) > 0 {
		t.Errorf("got %v, %d objects left: %s", err, len(w.objects), out)
	}
	w.wantStored(t, w.wants())
}

// Past the window nobody knows whether the batch under way was stored. It is sent again, and that is told.
func TestReplayTellsWhatMayBeStoredTwice(t *testing.T) {
	for _, c := range []struct {
		away    time.Duration
		doubted bool
	}{{5 * time.Minute, false}, {time.Hour, true}, {-time.Hour, true}} { // the last by a clock that was set back
		w := newWorld()
		w.failAt, w.after = 4, true // the second batch is stored, and its answer lost
		if _, err := w.replay(t, nil); !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
		w.failAt, w.now = 0, w.now.Add(c.away)
		if c.doubted {
			clear(w.keys)
		}
		out, err := w.replay(t, nil)
		if told := strings.Contains(out, "records 3 to 4 were being sent"); err != nil || told != c.doubted {
			t.Errorf("away for %v: got %v, doubted %v: %s", c.away, err, told, out)
		}
		if extra := len(w.stored) - 12; extra != 0 && (!c.doubted || extra != 2) {
			t.Errorf("away for %v: %d records stored twice", c.away, extra)
		}
	}
}

func TestReplayOfWhatIsNoErrorOutput(t *testing.T) {
	w := newWorld()
	w.objects["errors/1"] = `{"errorCode":"A","rawData":"eA=="}` + "\n" + `{"some":"record"}` + "\n"
	out, err := w.replay(t, withDelete)
	if !errors.Is(err, ErrIncomplete) || !strings.Contains(out, "object errors/1: record 2: it is no JSON object with rawData") {
		t.Errorf("got %v, %s", err, out)
	}
	if len(w.objects) != 1 || !slices.Contains(w.stored, "x") {
		t.Errorf("%d objects are left, the node stored %q", len(w.objects), w.stored)
	}
}

// An object that is not the one that was begun, or is to be read otherwise, is left alone.
func TestReplayOfAChangedObject(t *testing.T) {
	w := newWorld()
	w.failAt = 5
	if _, err := w.replay(t, nil); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	w.failAt = 0
	out, err := w.replay(t, func(o *Options) { o.Form = Records{Delimiter: "\n"} })
	if !errors.Is(err, ErrIncomplete) || !strings.Contains(out, `errors/0: its replay began as errors, not as records delimited by "\n": end it so`) {
		t.Errorf("another form: got %v, %s", err, out)
	}
	w.objects["errors/0"] += "more"
	if out, err = w.replay(t, nil); !errors.Is(err, ErrIncomplete) || !strings.Contains(out, "it is not the object whose replay began") {
		t.Errorf("another size: got %v, %s", err, out)
	}
}
