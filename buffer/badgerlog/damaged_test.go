package badgerlog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hydrant/buffer"
)

// closedWith leaves n records of one stream in a closed directory.
func closedWith(t *testing.T, n int) (dir string, id buffer.StreamID) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "log")
	r := openRig(t, Config{Dir: dir})
	for i := range n {
		r.mustAdd(fmt.Sprintf("record %d", i+1))
	}
	r.stop()
	return dir, r.id
}

// staying is a record that is large enough for housekeeping to leave it where it is, however long a life takes.
func staying() string { return string(randomBlock(64 << 10)) }

// closedAndStaying is closedWith of such records.
func closedAndStaying(t *testing.T, n int) (dir string, id buffer.StreamID) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "log")
	r := openRig(t, Config{Dir: dir})
	for range n {
		r.mustAdd(staying())
	}
	r.stop()
	return dir, r.id
}

func (r *rig) wantDamage(want ...string) {
	r.t.Helper()
	var got []string
	for after, info := r.lane.Info().Cursor, r.lane.Info(); after < info.Head; {
		var b buffer.Block
		err := r.lane.Read(r.t.Context(), after, &b)
		var corrupt *buffer.CorruptError
		switch {
		case errors.As(err, &corrupt):
			got, after = append(got, fmt.Sprintf("%d-%d:%d", corrupt.From, corrupt.To, corrupt.Records)), corrupt.To
		case err != nil:
			r.t.Fatal(err)
		default:
			after = b.Last()
		}
	}
	equal(r.t, "damage", got, want)
}

// A damaged block of a closed generation is found when it is read, becomes state, and stays lost should it come back.
func TestDamageFoundOnReadingIsState(t *testing.T) {
	dir, id := closedWith(t, 9)
	whole, err := os.ReadFile(vlogOf(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	path := vlogOf(t, dir)
	flipAt(t, dir, blockKey(buffer.LaneID{Stream: id}, 4, 1))
	r := openRig(t, Config{Dir: dir})
	if n := r.Stats().Damaged; n != 0 {
		t.Errorf("%d ranges are damaged before anything is read", n)
	}
	r.wantDamage("4-4:1")
	if stats := r.Stats(); stats.Damaged != 1 || stats.Streams[id].Pending != 9 {
		t.Errorf("stats %+v: want one damaged range, and its record still pending", stats)
	}
	r.stop()
	if err := os.WriteFile(path, whole, 0o644); err != nil {
		t.Fatal(err)
	}
	r = openRig(t, Config{Dir: dir})
	r.wantDamage("4-4:1")
	r.settle(9)
	if stats := r.Stats(); stats.Damaged != 1 || stats.Streams[id].Pending != 0 {
		t.Errorf("stats after settling %+v", stats)
	}
}

// The end of a closed generation is lost, and the next life appends nothing: the one after gives no sequence a second time, and
// the books count what is lost.
func TestSequencesOfALostEndStayUsed(t *testing.T) {
	dir, id := closedWith(t, 9)
	path, data, found := readVlog(t, dir)
	fifth := blockKey(buffer.LaneID{Stream: id}, 5, 1)
	clear(data[found.values[fifth].offset:])
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		openRig(t, Config{Dir: dir}).stop()
	}
	r := openRig(t, Config{Dir: dir})
	if seq := r.mustAdd("tenth"); seq != 10 {
		t.Errorf("the next record is %d", seq)
	}
	r.stop()
	r = openRig(t, Config{Dir: dir})
	r.wantDamage("5-9:5")
	if stats := r.Stats().Streams[id]; stats.Accepted != 10 || stats.Pending != 10 {
		t.Errorf("the books are %+v, want 10 accepted and pending", stats)
	}
}

// A start has no room to write down what it found, of which the write-ahead log alone tells: the first group that there is room
// for does.
func TestDamageIsWrittenDownOnceThereIsRoom(t *testing.T) {
	r := openRig(t, Config{Dir: t.TempDir()})
	for i := range 9 {
		r.mustAdd(fmt.Sprintf("record %d", i+1))
	}
	crashed := copyDir(t, r.cfg.Dir)
	path, data, found := readVlog(t, crashed)
	fifth := blockKey(buffer.LaneID{Stream: r.id}, 5, 1)
	clear(data[found.values[fifth].offset:])
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	disk := newFakeDisk(-1)
	again := openRig(t, Config{Dir: crashed, free: disk.free})
	if full := new(buffer.FullError); !errors.As(again.lane.Commit(t.Context(), buffer.Change{Cursor: 1}), &full) {
		t.Fatal("there is room for state")
	}
	disk.bytes.Store(10 << 30)
	eventually(t, "there is room", func() bool { return again.lane.Commit(t.Context(), buffer.Change{Cursor: 1}) == nil })
	report, err := Inspect(copyDir(t, crashed))
	if err != nil {
		t.Fatal(err)
	}
	var lost []string
	for _, d := range report.Damage {
		if d.New {
			t.Errorf("%+v is not written down", d)
		}
		if !d.Groups {
			lost = append(lost, fmt.Sprintf("%d-%d:%d", d.From, d.To, d.Records))
		}
	}
	equal(t, "lost", lost, []string{"5-8:4"}) // the ninth may not have been acknowledged
	if got := report.Streams[0].Stats; got.Accepted != 8 || got.Pending != 7 {
		t.Errorf("the books are %+v, want 8 accepted and 7 pending", got)
	}
}

// The group that wrote blocks anew is lost, after their first generation was dropped: the heads of no group tell of them.
func TestLostMoveIsNamed(t *testing.T) {
	for name, end := range map[string]func(*rig) string{
		"killed": func(r *rig) string { return copyDir(t, r.cfg.Dir) },
		"closed": func(r *rig) string { r.stop(); return r.cfg.Dir },
	} {
		t.Run(name, func(t *testing.T) {
			r := openRig(t, Config{Dir: filepath.Join(t.TempDir(), "log")})
			for i := range 5 {
				r.mustAdd(fmt.Sprint(i + 1))
			}
			r.settle(2)
			leaveGeneration(t, r.Log)
			eventually(t, "the first generation is dropped", func() bool {
				moveSome(t, r.Log)
				return !exists(generationDir(r.cfg.Dir, 1))
			})
			r.mustAdd("6")
			dir := end(r)
			path, data, found := readVlog(t, dir)
			for i := range found.groups {
				if g := &found.groups[i]; len(g.blocks) > 1 {
					at := found.values[groupKey(g.number)]
					record := bytes.Clone(data[at.offset:][:at.length])
					data = bytes.ReplaceAll(data, record, make([]byte, at.length))
				}
			}
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
			again := openRig(t, Config{Dir: dir})
			again.wantDamage("3-5:3")
			if got := again.Stats().Streams[r.id]; got.Accepted != 6 || got.Pending != 4 {
				t.Errorf("the books are %+v, want 6 accepted and 4 pending", got)
			}
		})
	}
}

// Two readers that find one damaged block tell of it once.
func TestDamageIsToldOnce(t *testing.T) {
	dir, id := closedWith(t, 9)
	flipAt(t, dir, blockKey(buffer.LaneID{Stream: id}, 4, 1))
	var out bytes.Buffer
	r := openRig(t, Config{Dir: dir, Log: slog.New(slog.NewTextHandler(&out, nil))})
	lane := r.lanes[id]
	damaged := lane.refs[lane.find(4)] // as a reader beside this one has it
	r.wantDamage("4-4:1")
	if err := lane.isolate(t.Context(), damaged, buffer.ErrDamaged); err != nil {
		t.Error(err)
	}
	r.stop()
	if n := strings.Count(out.String(), "records are lost"); n != 1 {
		t.Errorf("it is told %d times:\n%s", n, &out)
	}
}

// A value whose header says more than there is: Badger would keep its lock, and whoever closes the generation would wait for it.
func TestDamagedLength(t *testing.T) {
	for _, key := range []string{groupKey(1), copyKey(1), groupKey(5), copyKey(5)} {
		dir, _ := closedWith(t, 9)
		data, err := os.ReadFile(vlogOf(t, dir))
		if err != nil {
			t.Fatal(err)
		}
		header, _, found := bytes.Cut(data, []byte(key))
		if !found {
			t.Fatalf("no value %q", key)
		}
		const timestamp = 8 // Badger's, behind each key
		header[bytes.LastIndexByte(header, byte(len(key)+timestamp))] = 0x7f
		if err := os.WriteFile(vlogOf(t, dir), data, 0o644); err != nil {
			t.Fatal(err)
		}
		r := openRig(t, Config{Dir: dir})
		if got := len(r.records()); got != 9 {
			t.Errorf("%q: %d records are there", key, got)
		}
		r.stop()
	}
}

// Damage of a mapped file, and a disk that fails to read it, is a fault of memory in Badger: it must not end the process.
func TestFileCutUnderItsMap(t *testing.T) {
	dir, id := closedWith(t, 200)
	r := openRig(t, Config{Dir: dir})
	r.records() // opened now
	path := vlogOf(t, dir)
	if err := os.Truncate(path, 8192); err != nil {
		t.Fatal(err)
	}
	lost := 0
	for after, info := buffer.Seq(0), r.lane.Info(); after < info.Head; {
		var b buffer.Block
		err := r.lane.Read(t.Context(), after, &b)
		var corrupt *buffer.CorruptError
		if errors.As(err, &corrupt) {
			lost, after = lost+int(corrupt.Records), corrupt.To
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		after = b.Last()
	}
	if lost == 0 || lost == 200 {
		t.Errorf("%d of 200 records are lost with most of the file", lost)
	}
	if got := r.Stats().Streams[id].Pending; got != 200 {
		t.Errorf("%d records are pending, want all until they are settled", got)
	}
}

// failing does not read one page.
type failing struct {
	io.ReaderAt
	page int64
}

func (f failing) ReadAt(p []byte, offset int64) (int, error) {
	from, to := f.page*pageSize, (f.page+1)*pageSize
	if offset+int64(len(p)) <= from || offset >= to {
		return f.ReaderAt.ReadAt(p, offset)
	}
	n, err := f.ReaderAt.ReadAt(p[:max(0, from-offset)], offset)
	return n, errors.Join(err, errDisk)
}

// A page that the disk does not read costs what lies in it.
func TestUnreadablePage(t *testing.T) {
	dir, _ := closedWith(t, 200)
	_, data, all := readVlog(t, dir)
	for page := range int64(len(data)/pageSize) + 1 {
		found, err := scan(&patient{ReaderAt: failing{bytesReader(data), page}}, int64(len(data)), noHoles)
		if err != nil {
			t.Fatal(err)
		}
		for key, where := range all.values {
			outside := where.offset+int64(where.length) <= page*pageSize || where.offset >= (page+1)*pageSize
			if _, ok := found.values[key]; ok != outside && key[0] == 'b' {
				t.Errorf("page %d: the value at %d was found: %v", page, where.offset, ok)
			}
		}
	}
}

// Both copies of a group record are damaged: its records are named all the same, by the heads around it.
func TestLostGroupIsCounted(t *testing.T) {
	dir, _ := closedWith(t, 9)
	path := vlogOf(t, dir)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; ; at++ {
		i := strings.Index(string(data[at:]), groupMagic)
		if i < 0 {
			break
		}
		at += i
		if data[at+8] == 5 { // the group's number
			data[at+20] ^= 1
		}
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	r := openRig(t, Config{Dir: dir})
	r.wantDamage("4-4:1") // the first group is the definition
	if n := r.Stats().Damaged; n != 2 {
		t.Errorf("%d damaged ranges, want the group and the record", n)
	}
}

// A missing beginning is noticed: the oldest generation must link to what was dropped last.
func TestMissingBeginning(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	var last string
	for life := range 3 {
		r := openRig(t, Config{Dir: dir})
		last = staying()
		r.mustAdd(last)
		if life == 1 {
			r.settle(1)
			eventually(t, "the first generation is dropped", func() bool { return !exists(generationDir(dir, 1)) })
		}
		r.stop()
	}
	whole := openRig(t, Config{Dir: copyDir(t, dir)})
	if n := whole.Stats().Damaged; n != 0 {
		t.Fatalf("%d damaged ranges of a whole log", n)
	}
	entries, err := filepath.Glob(filepath.Join(dir, generationPrefix+"*"))
	if err != nil || len(entries) < 2 {
		t.Fatalf("generations %q: %v", entries, err)
	}
	if err := os.RemoveAll(entries[0]); err != nil {
		t.Fatal(err)
	}
	r := openRig(t, Config{Dir: dir})
	r.wantDamage("2-2:1")
	if left, _, _ := drainLane(t, "lane", r.lanes[r.id]); len(left) != 1 || string(left[3]) != last {
		t.Errorf("%d records are left, or another one than the last", len(left))
	}
}

// The files of a damaged generation are kept when everything else in it is settled, within a bound.
func TestDamagedFilesAreKept(t *testing.T) {
	dir, id := closedWith(t, 9)
	damaged := filepath.Dir(vlogOf(t, dir))
	flipAt(t, dir, blockKey(buffer.LaneID{Stream: id}, 4, 1))
	r := openRig(t, Config{Dir: dir})
	r.wantDamage("4-4:1")
	r.settle(9)
	kept := filepath.Join(dir, quarantineName, filepath.Base(damaged), vlogName)
	eventually(t, "the generation is put aside", func() bool { return exists(kept) && !exists(damaged) })
	eventually(t, "what is kept counts", func() bool { return r.kept.Load() > 0 && r.Stats().Disk > r.kept.Load() })
	r.stop()
	report, err := Inspect(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Damage) != 1 || report.Damage[0].From != 4 || report.Damage[0].New {
		t.Errorf("afterwards the log reports %+v", report.Damage)
	}
	tight := openRig(t, Config{Dir: dir, MaxDisk: MinDisk})
	if err := tight.makeQuarantine(tight.quarantineLimit()); err != nil {
		t.Fatal(err)
	}
	if exists(kept) {
		t.Error("what is kept passes its bound")
	}
}

// The identity is kept twice; it is never guessed.
func TestIdentityIsNeverGuessed(t *testing.T) {
	dir, _ := closedWith(t, 1)
	was, err := readIdentity(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{identityName, copyName} {
		for _, damage := range []func(string) error{os.Remove, func(path string) error { return os.Truncate(path, 20) }} {
			copied := copyDir(t, dir)
			if err := damage(filepath.Join(copied, name)); err != nil {
				t.Fatal(err)
			}
			r := openRig(t, Config{Dir: copied})
			if got := fmt.Sprintf("%x", r.origin.Log); got != was.Incarnation || r.origin.Epoch != was.Epoch+1 {
				t.Errorf("without a whole %s the log is %s, %d", name, got, r.origin.Epoch)
			}
			equal(t, "records", r.records(), []string{"record 1"})
		}
	}
	for _, name := range []string{identityName, copyName} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Open(Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), "from a backup") {
		t.Errorf("a log without an identity opens: %v", err)
	}
}
