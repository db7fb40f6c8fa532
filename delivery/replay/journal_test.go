package replay

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func testJournal(t *testing.T, path string) *journal {
	t.Helper()
	j, err := openJournal(path, "clicks")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.close() }) // it may be closed
	return j
}

// A journal cut anywhere holds the marks of its whole lines, and goes on behind them.
func TestJournalCutAnywhere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "marks", "clicks.jsonl")
	j := testJournal(t, path)
	want := mark{
		Version: 1, Object: Object{"a/b", "tag", 7}, Form: "errors", Left: []span{{3, endless}}, Refused: []span{{1, 2}},
		Sending: &sending{span{3, 5}, time.Unix(1e9, 0).UTC()}, Sent: 2,
	}
	for i := range 2 {
		want.Sent = int64(i)
		if _, err := j.save(t.Context(), &want, ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for size := range len(whole) + 1 {
		if err := os.WriteFile(path, whole[:size], 0o644); err != nil {
			t.Fatal(err)
		}
		j := testJournal(t, path)
		got, _, _ := j.load(t.Context(), "a/b")
		lines := strings.Count(string(whole[:size]), "\n")
		if (got == nil) != (lines < 2) || got != nil && got.Sent != int64(lines-2) {
			t.Fatalf("cut at %d: got %+v", size, got)
		}
		if _, err := j.save(t.Context(), &want, ""); err != nil {
			t.Fatal(err)
		}
		if err := j.close(); err != nil {
			t.Fatal(err)
		}
		j = testJournal(t, path)
		if got, _, _ := j.load(t.Context(), "a/b"); !reflect.DeepEqual(got, &want) {
			t.Fatalf("cut at %d: got %+v, want %+v", size, got, want)
		}
		_ = j.close() // nothing was written
	}
}

func TestJournalRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "marks")
	testJournal(t, path)
	if _, err := openJournal(path, "clicks"); err == nil || !strings.Contains(err.Error(), "another replay is at work") {
		t.Errorf("two at once: got %v", err)
	}
	for content, want := range map[string]string{
		"some text\n":                        "it is no file of marks",
		`{"stream":"views"}` + "\n":          "replays into stream views, not clicks",
		`{"stream":"clicks"}` + "\nbroken\n": "line 2 is no mark",
	} {
		path := filepath.Join(t.TempDir(), "marks")
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := openJournal(path, "clicks"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", content, err, want)
		}
	}
}

func TestSpans(t *testing.T) {
	spans := []span{{2, 5}, {7, endless}}
	for end, want := range map[int64][]span{2: spans, 3: {{3, 5}, {7, endless}}, 5: {{7, endless}}, 9: {{9, endless}}} {
		if got := cut(spans, end); !reflect.DeepEqual(got, want) {
			t.Errorf("cut at %d: got %v, want %v", end, got, want)
		}
	}
	if got, want := extend(extend([]span{{0, 1}}, span{1, 3}), span{4, 5}), []span{{0, 3}, {4, 5}}; !reflect.DeepEqual(got, want) {
		t.Errorf("extended: got %v, want %v", got, want)
	}
}
