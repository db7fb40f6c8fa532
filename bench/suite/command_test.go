package suite

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

func TestOptionsAreChecked(t *testing.T) {
	for arguments, want := range map[string]string{
		"":                          "",
		"--quick":                   "",
		"--rows=^single$":           "",
		"--rows=[":                  "rows: ",
		"--repeats=0":               "repeats: 0 is not in 1 to 1000",
		"--duration=0s":             "duration and warmup: 0s and 1s must be above 0",
		"--backlog=much":            `backlog: "much" is no size of 1MiB to 1TiB`,
		"--backlog=1kB":             `backlog: "1kB" is no size`,
		"--s3=bucket":               `s3: "bucket" is not of the form`,
		"--s3=s3://lake/here":       "",
		"--dir=/surely/not/a/place": "--dir: ",
	} {
		var o Options
		parser, err := kong.New(&o)
		if err != nil {
			t.Fatal(err)
		}
		_, err = parser.Parse(strings.Fields(arguments))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: got %v, want %q", arguments, err, want)
		}
	}
}

func TestRowsAreSelected(t *testing.T) {
	names := map[string]bool{}
	for _, r := range rows() {
		if names[r.name()] || r.about() == "" || len(r.targets()) == 0 {
			t.Errorf("row %q: its name is taken, or it says nothing", r.name())
		}
		names[r.name()] = true
	}
	o := Options{Rows: "^pipeline-"}
	if err := o.Validate(); err == nil {
		t.Error("options without a repeat are taken")
	}
	o.Repeats, o.Duration, o.Warmup, o.Backlog, o.Dir = 1, 1, 1, "1MiB", t.TempDir()
	if err := o.Validate(); err != nil {
		t.Fatal(err)
	}
	if selected := o.rows(); len(selected) != 3 || selected[0].name() != "pipeline-gzip" {
		t.Errorf("selected %v", selected)
	}
	o.Rows = "nothing"
	if _, err := Run(t.Context(), o, nil); err == nil || !strings.Contains(err.Error(), `no name matches "nothing"`) {
		t.Errorf("got %v", err)
	}
}

func newQuickBed(t *testing.T) *bed {
	t.Helper()
	o := Options{Quick: true, Dir: t.TempDir()}
	if err := o.Validate(); err != nil {
		t.Fatal(err)
	}
	b, err := newBed(o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// closesClean closes a bed, of which nothing is left.
func closesClean(t *testing.T, b *bed) {
	t.Helper()
	parent := filepath.Dir(b.dir)
	if err := b.close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(parent); err != nil || len(left) > 0 {
		t.Errorf("left: %v %v", left, err)
	}
}

func TestBedIsRemoved(t *testing.T) {
	b := newQuickBed(t)
	for _, in := range inputs {
		if info, err := os.Stat(b.input(in)); err != nil || info.Size() < 1<<20 {
			t.Errorf("%s: %v", in.name, err)
		}
	}
	closesClean(t, b)
}

// Without credentials a node's delivery is held: that is what delivery off means. A real store's are the user's.
func TestCredentialsOfNodes(t *testing.T) {
	has := func(s setup) bool {
		return strings.Contains(strings.Join(s.environment(), " "), "AWS_ACCESS_KEY_ID=suite")
	}
	sink := &store{sink: &process{}}
	if has(setup{}) || has(setup{store: sink, off: true}) || !has(setup{store: sink}) {
		t.Error("credentials where there should be none, or none where they are needed")
	}
	if real := (setup{store: &store{}}).environment(); len(real) > 0 {
		t.Errorf("a real store's node gets %q", real)
	}
}
