//go:build integration

package expr_test

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"hydrant/stream"
	"hydrant/stream/expr"
)

// The parts of the formats that TestReadsAsJava puts together.
var (
	dateForms = []string{
		"yyyy-MM-dd", "yyyyMMdd", "uuuu/M/d", "dd MMM yyyy", "d MMMM y", "yy-MM-dd", "yyyy-DDD", "yyyyDDD", "uuuu D", "yMMdd",
		"EEE, dd MMM yyyy", "EEEE d/L/u", "MMddyyyy", "yyMMdd", "y/LLL/dd", "uu.D", "[yyyy-MM-dd][dd/MM/yyyy]", "yyyyMd",
		"[EEE ]yyyy-MM-dd", "yyyy-MM-dd[ D]", "yyyyy-MM-dd", "yyyy-MM-dd uuuu", "y-DD", "yyyy''MM'x'dd",
	}
	gaps      = []string{"'T'", " ", "", "['T'][ ]"}
	timeForms = []string{
		"", "HH", "HH:mm", "HHmmss", "HH:mm:ss", "HH:mm:ss.SSS", "HH:mm:ss[.SSS]", "H:m:s", "hh:mm a", "K:mm a", "kk:mm:ss",
		"HHmmssSSS", "HH:mm:ss n", "HH:mm[:ss[.SSSSSS]]", "[HH:mm]", "H:mm:ssS", "hha", "k", "HH:mm:ss hh a", "Hmm", "HH:mm K",
		"HH:mm:ss.nnnnnnnnn",
	}
	offsetForms = []string{"", "X", "XX", "XXX", "XXXX", "XXXXX", "x", "xx", "xxx", "xxxx", "xxxxx", "Z", "ZZZ", "ZZZZZ", "[X]", "[XXX][Z]"}
)

var oddHours = []time.Time{
	time.Date(2025, 3, 30, 1, 0, 0, 0, time.UTC), time.Date(2025, 10, 26, 1, 0, 0, 0, time.UTC), // Berlin
	time.Date(2025, 3, 9, 1, 0, 0, 0, time.UTC), time.Date(2025, 11, 2, 0, 0, 0, 0, time.UTC), // New York
	time.Date(2025, 10, 5, 1, 0, 0, 0, time.UTC), time.Date(2025, 4, 6, 1, 0, 0, 0, time.UTC), // Lord Howe
	time.Date(2011, 12, 29, 22, 0, 0, 0, time.UTC), time.Date(2011, 12, 30, 22, 0, 0, 0, time.UTC), // Apia
	time.Date(2025, 4, 24, 23, 0, 0, 0, time.UTC), // Cairo
}

// TestReadsAsJava reads random texts, whole and damaged, with formats that are put together at random, and compares the
// instant with that of Java's parser.
func TestReadsAsJava(t *testing.T) {
	random := rand.New(rand.NewPCG(20260711, 3))
	zones := []string{"UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Cairo"}
	one := func(of []string) string { return of[random.IntN(len(of))] }
	tasks := make([]javaTask, runs(t, 3000))
	for i := range tasks {
		task := javaTask{"parse", one(dateForms) + one(gaps) + one(timeForms) + one(offsetForms), one(zones), ""}
		at := random.Int64N(100*365*86400e3) + 10*365*86400e3
		told := task.zone
		if random.IntN(4) == 0 { // as local time: into the hours that a zone skips or has twice, and those around
			at, told = oddHours[random.IntN(len(oddHours))].UnixMilli()+random.Int64N(4*3600e3), "UTC"
		}
		task.argument = damaged(random, formatted(t, javaTask{"", task.pattern, told, strconv.FormatInt(at, 10)}))
		tasks[i] = task
	}
	good := 0
	for i, want := range askJava(t, tasks) {
		if at, err := strconv.ParseInt(want, 10, 64); err != nil || at < -62135596800000 || at > 253402300799999 {
			want = "UNPARSABLE"
		} else {
			good++
		}
		if got := read(t, tasks[i]); got != want {
			t.Errorf("%s in %s, %q: got %s, want %s", tasks[i].pattern, tasks[i].zone, tasks[i].argument, got, want)
		}
	}
	if share := float64(good) / float64(len(tasks)); share < 0.3 || share > 0.9 {
		t.Errorf("Java read %.2f of the texts: the generator does not try both kinds", share)
	}
}

func read(t *testing.T, task javaTask) string {
	t.Helper()
	zone, err := stream.LoadZone(task.zone)
	if err != nil {
		t.Fatal(err)
	}
	format, err := expr.ParseTimeFormat(task.pattern, zone)
	if err != nil {
		t.Fatalf("%s: %v", task.pattern, err)
	}
	at, err := format.Read([]byte(task.argument))
	if err != nil {
		return "UNPARSABLE"
	}
	return strconv.FormatInt(at, 10)
}

// damaged changes a few characters in a half of all texts.
func damaged(random *rand.Rand, text string) string {
	for range max(0, random.IntN(6)-2) {
		at := random.IntN(len(text) + 1)
		mark := []string{"0", "1", "2", "9", "24", "30", "31", "+", "-", ":", "T", "Z", " ", ".", "AM", "PM", "00:00", "+00"}[random.IntN(18)]
		switch end := min(at+random.IntN(3), len(text)); random.IntN(3) {
		case 0:
			text = text[:at] + text[end:]
		case 1:
			text = text[:at] + mark + text[at:]
		default:
			text = text[:at] + mark + text[min(at+len(mark), len(text)):]
		}
	}
	return strings.ToValidUTF8(text, "?")
}
