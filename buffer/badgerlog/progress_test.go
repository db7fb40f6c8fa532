package badgerlog

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"
)

// A start tells after each generation how many of how many it has read.
func TestLoadTellsHowFarItIs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 3 { // each start writes to a generation of its own
		r := openRig(t, Config{Dir: dir, MaxDisk: smallDisk})
		r.mustAdd(string(randomBlock(256 << 10))) // large enough that no life moves it from a generation before
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	var told []string
	m, err := load(dir, func(read, of int) { told = append(told, fmt.Sprint(read, " of ", of)) })
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := m.release(); err != nil {
			t.Error(err)
		}
	}()
	var want []string
	for i := range m.gens {
		want = append(want, fmt.Sprint(i+1, " of ", len(m.gens)))
	}
	if len(want) < 3 || !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}

func TestProgress(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(slog.New(slog.NewTextHandler(&out, nil)))
	p.every = time.Hour
	p.tell(1, 80)
	if out.Len() > 0 {
		t.Errorf("a quick start says %q", &out)
	}
	p.every = 0
	p.tell(2, 80)
	if got := out.String(); !strings.Contains(got, "generations=2 of=80") || strings.Count(got, "\n") != 1 {
		t.Errorf("got %q", got)
	}
}
