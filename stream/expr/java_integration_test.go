//go:build integration

package expr_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"hydrant/stream"
	"hydrant/stream/expr"
)

// TestFormatsAsJava compares random patterns in random zones at random instants with the real DateTimeFormatter, byte for
// byte, and that the patterns that Java refuses are refused.
func TestFormatsAsJava(t *testing.T) {
	const seed = 20260711
	random := rand.New(rand.NewPCG(seed, 1))
	zones := javaZones(t)
	tasks := make([]javaTask, runs(t, 2000))
	for i := range tasks {
		at, zone := drawInstant(random), zones[random.IntN(len(zones))]
		if at < time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli() {
			zone = "UTC" // Java's database is an older one, and the past is what they correct
		}
		tasks[i] = javaTask{"format", drawPattern(random), zone, strconv.FormatInt(at, 10)}
	}
	refused := 0
	for i, want := range askJava(t, tasks) {
		got := formatted(t, tasks[i])
		if got != want && want != "FAULT" {
			t.Errorf("%s in %s at %s: got %q, want %q", tasks[i].pattern, tasks[i].zone, tasks[i].argument, got, want)
		}
		if want == "REFUSED" {
			refused++
		}
	}
	if share := float64(refused) / float64(len(tasks)); share < 0.02 || share > 0.5 {
		t.Errorf("Java refused %.2f of the patterns: the generator does not try both kinds", share)
	}
}

// TestEveryZoneAsJava looks at every zone in winter and in summer of many years. Before 1980 Java's database is an older
// one than ours.
func TestEveryZoneAsJava(t *testing.T) {
	random := rand.New(rand.NewPCG(20260711, 2))
	var tasks []javaTask
	for _, zone := range javaZones(t) {
		for range 12 {
			at := time.Date(1980+random.IntN(120), time.Month(1+random.IntN(12)), 15, 12, 0, 0, 0, time.UTC)
			tasks = append(tasks, javaTask{"format", "VV z zzzz X x O OOOO Z ZZZZ ZZZZZ", zone, strconv.FormatInt(at.UnixMilli(), 10)})
		}
	}
	for i, want := range askJava(t, tasks) {
		if got := formatted(t, tasks[i]); got != want {
			t.Errorf("%s at %s: got %q, want %q", tasks[i].zone, tasks[i].argument, got, want)
		}
	}
}

// runs is the number of random cases, n times HYDRANT_TEST_JAVA where that is set.
func runs(t *testing.T, n int) int {
	text := os.Getenv("HYDRANT_TEST_JAVA")
	if text == "" {
		return n
	}
	factor, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("HYDRANT_TEST_JAVA: %v", err)
	}
	return n * factor
}

func formatted(t *testing.T, task javaTask) string {
	t.Helper()
	zone, err := stream.LoadZone(task.zone)
	if err != nil {
		t.Fatal(err)
	}
	at, err := strconv.ParseInt(task.argument, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	template, err := expr.Parse("!{timestamp:" + task.pattern + "}")
	if err != nil {
		return "REFUSED"
	}
	return string(template.Evaluator(zone, "").Append(nil, at, nil))
}

// drawPattern draws from the letters of Firehose's patterns, those that mean nothing to Java, text and sections.
func drawPattern(random *rand.Rand) string {
	const letters, reserved = "yuYQMLwWdDEeaHhKkmsSnzVZXxO", "bfijlortCIJPRTU"
	texts := []string{"/", "-", "_", ":", ".", " ", "=", "'T'", "'year='", "''", "'o''clock'", "é", "+", "[", "]", "[", "]", "!"}
	var pattern strings.Builder
	for range 1 + random.IntN(8) {
		switch choice := random.IntN(60); {
		case choice == 0:
			pattern.WriteByte(reserved[random.IntN(len(reserved))])
		case choice == 1:
			pattern.WriteString([]string{"#", "'open", "{"}[random.IntN(3)])
		case choice < 20:
			pattern.WriteString(texts[random.IntN(len(texts))])
		default:
			letter := letters[random.IntN(len(letters))]
			most := map[byte]int{'y': 6, 'u': 6, 'Y': 6, 'S': 9, 'n': 12, 'a': 1, 'W': 1, 'M': 5, 'L': 5, 'E': 5, 'e': 5, 'Q': 5}[letter]
			count := 1 + random.IntN(max(most, 2))
			if letter == 'V' {
				count = 2
			}
			if random.IntN(40) == 0 {
				count += random.IntN(20)
			}
			pattern.WriteString(strings.Repeat(string(letter), count))
		}
	}
	return pattern.String()
}

func drawInstant(random *rand.Rand) int64 {
	const year = 365 * 24 * time.Hour / time.Millisecond
	switch random.IntN(10) {
	case 0:
		return random.Int64N(20000*int64(year)) - 10000*int64(year)
	case 1:
		return time.Date(1971+random.IntN(100), 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli() + random.Int64N(7*86400e3) - 3*86400e3
	default:
		return random.Int64N(130 * int64(year))
	}
}

// javaTask is a line for testdata/Oracle.java.
type javaTask struct{ task, pattern, zone, argument string }

// askJava returns the answer to each task.
func askJava(t *testing.T, tasks []javaTask) []string {
	t.Helper()
	var input strings.Builder
	for _, task := range tasks {
		fmt.Fprintf(&input, "%s\t%s\t%s\t%s\n", task.task, task.pattern, task.zone, task.argument)
	}
	cmd := exec.CommandContext(t.Context(), "java", "testdata/Oracle.java")
	cmd.Stdin = strings.NewReader(input.String())
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("java: %v", err)
	}
	answers := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(answers) != len(tasks) {
		t.Fatalf("got %d answers to %d tasks", len(answers), len(tasks))
	}
	return answers
}

// javaZones are the zones that Java 17 knows.
func javaZones(t *testing.T) []string {
	t.Helper()
	table, err := os.ReadFile("zone_names.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var zones []string
	for line := range strings.Lines(string(table)) {
		zone, _, _ := strings.Cut(line, "\t")
		zones = append(zones, zone)
	}
	return zones
}
