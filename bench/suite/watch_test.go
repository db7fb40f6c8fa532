package suite

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"hydrant/bench"
)

func TestProcessorTimeOfStat(t *testing.T) {
	// The name is the program's own choice.
	stat := "4242 (a) S 1 (b 7) R 1 4242 4242 0 -1 4194304 500 0 0 0 123 45 0 0 20 0 5 0 1000 0 0"
	got, err := parseStat([]byte(stat))
	if err != nil || got != 1680*time.Millisecond {
		t.Errorf("got %v %v, want 1.68 s", got, err)
	}
	for _, broken := range []string{"", "4242 (a) R 1", strings.Replace(stat, "123", "x", 1)} {
		if _, err := parseStat([]byte(broken)); err == nil {
			t.Errorf("%q is taken", broken)
		}
	}
}

func TestFieldsOfProc(t *testing.T) {
	path := filepath.Join(t.TempDir(), "status")
	if err := os.WriteFile(path, []byte("Name:\thydrant\nRssAnon:\t    1234 kB\nRssFile:\t77 kB\nwrite_bytes: 5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := readFields(path, "RssFile", "RssAnon", "write_bytes", "absent")
	if err != nil || !slices.Equal(got, []int64{77, 1234, 5, 0}) {
		t.Errorf("got %v %v", got, err)
	}
	if _, err := readFields(path, "Name"); err == nil {
		t.Error("a name is taken for a number")
	}
}

// A process is watched while it runs, and after its end what it had used is known.
func TestProcessIsWatched(t *testing.T) {
	p, err := (&bed{program: "/bin/sleep"}).start(t.Context(), "sleeper", nil, "3600")
	if err != nil {
		t.Fatal(err)
	}
	err = p.Await(t.Context(), "its memory is known", func() bool {
		f := Figures{}
		p.watch.memory(f)
		return f[peakFile] > 0
	})
	p.Kill()
	if err != nil || p.watch.used().cpu < 0 {
		t.Errorf("used %v: %v", p.watch.used(), err)
	}
}

// What is no measurement is refused.
func TestReportsAreChecked(t *testing.T) {
	good := func() *bench.Report { return &bench.Report{Acked: 10, Measured: bench.Measured{Records: 10}} }
	if err := checkReport("node", good(), 10); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(*bench.Report){
		"something else answered":         func(r *bench.Report) { r.Acked = 11 },
		"no record was acknowledged":      func(r *bench.Report) { r.Measured.Records = 0 },
		"3 records were not acknowledged": func(r *bench.Report) { r.Refused = 3; r.Failures = []bench.Failure{{Kind: "503"}} },
	} {
		r := good()
		change(r)
		if err := checkReport("node", r, 10); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
