package badgerlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"hydrant/buffer"
)

// stilled is a log's directory in memory, and what lay in it.
type stilled struct {
	origin  buffer.Origin
	files   map[string]stilledFile
	lanes   map[buffer.StreamID]*stilledLane
	killed  bool
	lastSeq map[buffer.StreamID]buffer.Seq // of what a kill may have left unacknowledged at the earliest
}

type stilledFile struct {
	data []byte // without the zeros at its end
	size int64
}

type stilledLane struct {
	cursor  buffer.Seq
	records map[buffer.Seq][]byte // above the cursor
	state   map[string]string
	next    buffer.Seq
}

// still lets a log of two streams live three times, and keeps the directory as it was left.
func still(t *testing.T, killed bool) *stilled {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "log")
	s := &stilled{killed: killed, lanes: map[buffer.StreamID]*stilledLane{}, lastSeq: map[buffer.StreamID]buffer.Seq{}}
	random := rand.New(rand.NewPCG(1, 2))
	for life := range 3 {
		l, err := Open(Config{Dir: dir, MaxDisk: MinDisk})
		if err != nil {
			t.Fatal(err)
		}
		if life == 0 {
			s.define(t, l)
		}
		s.live(t, l, random)
		if life == 1 { // what was moved forward must be found like anything else
			moveSome(t, l)
			eventually(t, "the first generation is dropped", func() bool { _, err := os.Stat(generationDir(dir, 1)); return os.IsNotExist(err) })
		}
		s.origin = l.origin
		if killed && life == 2 {
			dir = copyDir(t, dir)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s.files = readFiles(t, dir)
	return s
}

func (s *stilled) define(t *testing.T, l *Log) {
	for i := range 2 {
		id := buffer.StreamID{byte(i + 1)}
		if _, err := l.Define(t.Context(), buffer.Definition{Stream: id, Name: fmt.Sprint("s", i), Logic: 1, Data: []byte("{}")}); err != nil {
			t.Fatal(err)
		}
		s.lanes[id] = &stilledLane{records: map[buffer.Seq][]byte{}, state: map[string]string{}}
	}
}

// live appends groups of several sizes, and changes state and cursors between them.
func (s *stilled) live(t *testing.T, l *Log, random *rand.Rand) {
	t.Helper()
	for i := range 12 {
		id := buffer.StreamID{byte(i%2 + 1)}
		lane := s.lanes[id]
		b := buffer.Batch{Stream: id}
		for range 1 + random.IntN(4) {
			record := make([]byte, random.IntN(600))
			for j := range record {
				record[j] = byte(random.Uint32())
			}
			b.Records = append(b.Records, record)
		}
		receipt, err := l.Append(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		s.lastSeq = map[buffer.StreamID]buffer.Seq{id: receipt.First}
		for j, record := range b.Records {
			lane.records[receipt.First+buffer.Seq(j)] = record
		}
		lane.next = receipt.First + buffer.Seq(len(b.Records))
		if i == 6 {
			lane.state[fmt.Sprint("k", i)] = fmt.Sprint(receipt.First)
			c := buffer.Change{Put: []buffer.Entry{{Key: fmt.Sprint("k", i), Value: fmt.Append(nil, receipt.First)}}, Cursor: lane.cursor + 2}
			if err := l.lanes[id].Commit(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			lane.cursor = c.Cursor
			maps.DeleteFunc(lane.records, func(seq buffer.Seq, _ []byte) bool { return seq <= lane.cursor })
		}
	}
}

func readFiles(t *testing.T, dir string) map[string]stilledFile {
	t.Helper()
	files := map[string]stilledFile{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, path))
		files[path] = stilledFile{bytes.TrimRight(data, "\x00"), int64(len(data))}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func (s *stilled) paths() []string { return slices.Sorted(maps.Keys(s.files)) }

// lay puts the files into a directory, with zeros as holes.
func (s *stilled) lay(t *testing.T, dir string) {
	t.Helper()
	for path, f := range s.files {
		full := filepath.Join(dir, path)
		err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o755), os.WriteFile(full, f.data, 0o644), os.Truncate(full, f.size))
		if err != nil {
			t.Fatal(err)
		}
	}
}

// starts lays the files, damages them, and starts: everything must be there as it was, or be reported as lost, exactly.
func (s *stilled) starts(t *testing.T, what string, damage func(dir string) error) (lost int64) {
	t.Helper()
	dir := memoryDir(t)
	defer os.RemoveAll(dir)
	s.lay(t, dir)
	if err := damage(dir); err != nil {
		t.Fatal(err)
	}
	report, err := Inspect(dir)
	if err != nil {
		t.Errorf("%s: inspect: %v", what, err)
		return 0
	}
	l, err := Open(Config{Dir: dir, MaxDisk: MinDisk})
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return 0
	}
	if l.origin.Log != s.origin.Log || l.origin.Epoch <= s.origin.Epoch {
		t.Errorf("%s: the log became %v, it was %v", what, l.origin, s.origin)
	}
	stateLost := slices.ContainsFunc(report.Damage, func(d DamageReport) bool { return d.Groups })
	for id, lane := range s.lanes {
		lost += s.compare(t, what, l, id, lane, report, stateLost)
	}
	if err := l.Close(); err != nil {
		t.Errorf("%s: close: %v", what, err)
	}
	s.startsAgain(t, what, dir, l)
	s.goesOn(t, what, dir)
	return lost
}

// goesOn appends in one more life, and wants that and all that could be read before it in the next.
func (s *stilled) goesOn(t *testing.T, what, dir string) {
	t.Helper()
	what += " and a life later"
	before := map[buffer.StreamID]map[buffer.Seq][]byte{}
	s.inLife(t, what, dir, func(l *Log, id buffer.StreamID, got map[buffer.Seq][]byte) {
		record := []byte("appended after the damage")
		receipt, err := l.Append(t.Context(), buffer.Batch{Stream: id, Records: [][]byte{record}})
		if err != nil {
			t.Errorf("%s: append: %v", what, err)
		}
		got[receipt.First] = record
		before[id] = got
	})
	s.inLife(t, what, dir, func(_ *Log, id buffer.StreamID, got map[buffer.Seq][]byte) {
		if !maps.EqualFunc(got, before[id], bytes.Equal) {
			t.Errorf("%s: of stream %s %d records can be read, %d before, or others", what, id, len(got), len(before[id]))
		}
	})
}

// inLife shows what can be read of each lane, which with what is lost must be what is pending.
func (s *stilled) inLife(t *testing.T, what, dir string, look func(l *Log, id buffer.StreamID, got map[buffer.Seq][]byte)) {
	t.Helper()
	l, err := Open(Config{Dir: dir, MaxDisk: MinDisk})
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	for id := range s.lanes {
		if lane := l.lanes[id]; lane != nil {
			got, reported, lost := drainLane(t, what, lane)
			if pending := l.Stats().Streams[id].Pending; int64(len(got))+lost != pending {
				t.Errorf("%s: %d records are there, %d are lost, %d pending: %+v", what, len(got), lost, pending, reported)
			}
			look(l, id, got)
		}
	}
	if err := l.Close(); err != nil {
		t.Errorf("%s: close: %v", what, err)
	}
}

// memoryDir is a new directory in memory where there is room for that: these tests start often, and syncs are not their
// matter.
func memoryDir(t *testing.T) string {
	t.Helper()
	const memory = "/dev/shm"
	if dir, err := os.MkdirTemp(memory, "hydrant-log"); err == nil && freeSpace(memory) > 1<<30 {
		return dir
	}
	dir, err := os.MkdirTemp(t.TempDir(), "log")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// startsAgain makes sure that what was reported once stays known and is not news any more, and that no lane falls back.
func (s *stilled) startsAgain(t *testing.T, what, dir string, before *Log) {
	t.Helper()
	report, err := Inspect(dir)
	if err != nil {
		t.Errorf("%s: inspect after the start: %v", what, err)
		return
	}
	for _, d := range report.Damage {
		if d.New {
			t.Errorf("%s: %+v is news a second time", what, d)
		}
	}
	if n := before.Stats().Damaged; int64(len(report.Damage)) != n {
		t.Errorf("%s: %d damaged ranges after the start, %d during it", what, len(report.Damage), n)
	}
	loaded(t, dir, func(m *image) {
		again := newLog(Config{Log: discardLog}, nil)
		again.adopt(m)
		for id, lane := range before.lanes {
			if have := again.lanes[id]; have == nil {
				t.Errorf("%s: stream %s is gone after the start, and was there during it", what, id)
			} else if have.books != lane.books {
				t.Errorf("%s: stream %s stands at %+v after the start, and stood at %+v during it", what, id, have.books, lane.books)
			}
		}
	})
}

// compare reads a lane to its end and says how many records were reported as lost.
func (s *stilled) compare(t *testing.T, what string, l *Log, id buffer.StreamID, want *stilledLane, report *Report, stateLost bool) int64 {
	t.Helper()
	lane := l.lanes[id]
	if lane == nil {
		if !stateLost {
			t.Errorf("%s: stream %s is gone and nothing says so", what, id)
		}
		return 0
	}
	got, reported, lost := drainLane(t, what, lane)
	for seq, record := range want.records {
		data, readable := got[seq]
		named := overlaps(reported, seq, seq)
		torn := s.killed && s.lastSeq[id] > 0 && seq >= s.lastSeq[id] && len(report.Notes) > 0
		switch {
		case readable && named:
			t.Errorf("%s: record %d is reported as lost and is there", what, seq)
		case readable && !bytes.Equal(data, record):
			t.Errorf("%s: record %d has changed", what, seq)
		case !readable && !named && !torn:
			t.Errorf("%s: record %d is lost and nothing says so: %+v, notes %q", what, seq, reported, report.Notes)
		}
		if !readable && named {
			lost--
		}
	}
	if lost != 0 && !stateLost {
		t.Errorf("%s: %d records more are reported as lost than are: %+v", what, lost, reported)
	}
	l.mu.Lock() // housekeeping is at work
	defer l.mu.Unlock()
	for key, value := range want.state {
		if have := l.state.get(stateKey{kindEntry, lane.id, key}); string(have.value) != value && !stateLost {
			t.Errorf("%s: the state %s is %q, was %q, and nothing says so", what, key, have.value, value)
		}
	}
	if lane.next < want.next && !stateLost {
		t.Errorf("%s: the next record would be %d, and sequences up to %d were used", what, lane.next, want.next)
	}
	return int64(len(want.records) - len(got))
}

// drainLane reads a lane to its head.
func drainLane(t *testing.T, what string, lane *lane) (got map[buffer.Seq][]byte, reported []buffer.Damage, lost int64) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	got = map[buffer.Seq][]byte{}
	var b buffer.Block
	info := lane.Info()
	for after := info.Cursor; after < info.Head; {
		err := lane.Read(ctx, after, &b)
		var corrupt *buffer.CorruptError
		if errors.As(err, &corrupt) {
			reported, lost, after = append(reported, corrupt.Damage), lost+corrupt.Records, corrupt.To
			continue
		}
		if err != nil {
			t.Errorf("%s: read above %d: %v", what, after, err)
			return got, reported, lost
		}
		for r := range b.Records() {
			if r.Seq > info.Cursor {
				got[r.Seq] = bytes.Clone(r.Data)
			}
		}
		after = b.Last()
	}
	return got, reported, lost
}
