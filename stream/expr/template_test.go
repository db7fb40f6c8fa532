package expr_test

import (
	"bufio"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hydrant/stream"
	"hydrant/stream/expr"
)

// TestJavaTimes compares every line of the table that the real DateTimeFormatter has written.
func TestJavaTimes(t *testing.T) {
	file, err := os.Open("testdata/java_times.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines, zones := 0, map[string]*time.Location{}
	for scanner := bufio.NewScanner(file); scanner.Scan(); lines++ {
		columns := strings.Split(scanner.Text(), "\t")
		pattern, want := columns[0], columns[3]
		zone := zones[columns[1]]
		if zone == nil {
			zone = location(t, columns[1])
			zones[columns[1]] = zone
		}
		at, err := strconv.ParseInt(columns[2], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		template, err := expr.Parse("!{timestamp:" + pattern + "}")
		if refused := want == "REFUSED"; refused != (err != nil) {
			t.Errorf("%s: got error %v, Java says %s", pattern, err, want)
			continue
		} else if refused {
			continue
		}
		if got := string(template.Evaluator(zone, "").Append(nil, at, nil)); got != want {
			t.Errorf("%s in %s at %d: got %q, want %q", pattern, zone, at, got, want)
		}
	}
	if lines < 500 {
		t.Errorf("the table has %d lines only", lines)
	}
}

func TestEvaluate(t *testing.T) {
	const at = 1752244449123 // 2025-07-11T14:34:09.123Z
	for _, test := range []struct{ source, want string }{
		{"", ""},
		{"plain", "plain"},
		{"a}!b$", "a}!b$"},
		{"clicks/dt=!{timestamp:yyyy-MM-dd}/hour=!{timestamp:HH}/", "clicks/dt=2025-07-11/hour=14/"},
		{"!{partitionKeyFromQuery:a}", "A b"},
		{
			"!{partitionKeyFromQuery:b}/!{timestamp:ss}/!{partitionKeyFromQuery:a}/!{partitionKeyFromQuery:b}/",
			"x%2Fy/09/A b/x%2Fy/",
		},
		{"!{firehose:random-string}/!{firehose:random-string}", expr.RandomString + "/" + expr.RandomString},
		{"e/!{firehose:error-output-type}/!{firehose:error-output-type}!", "e/processing-failed/processing-failed!"},
	} {
		template := parse(t, test.source)
		values := map[string][]byte{"a": []byte("A b"), "b": []byte("x/y")}
		var ordered [][]byte
		for _, key := range template.Keys() {
			ordered = append(ordered, values[key])
		}
		got := template.Evaluator(time.UTC, "processing-failed").Append([]byte(">"), at, ordered)
		if string(got) != ">"+test.want {
			t.Errorf("%s: got %q, want %q", test.source, got, ">"+test.want)
		}
	}
}

// TestEvaluatorFollowsTime goes back and forth over the borders of a second: what is kept of one never shows in another.
func TestEvaluatorFollowsTime(t *testing.T) {
	e := parse(t, "!{timestamp:yyyy-MM-dd HH:mm:ss}").Evaluator(location(t, "Asia/Kolkata"), "")
	for _, at := range []int64{0, 999, 1000, 999, -1, -1000, -1001, 1752244449123, 1752244449999, 1752244450000, 0} {
		want := time.UnixMilli(at).In(location(t, "Asia/Kolkata")).Format(time.DateTime)
		if got := string(e.Append(nil, at, nil)); got != want {
			t.Errorf("%d: got %s, want %s", at, got, want)
		}
	}
}

// TestWeeksAroundNewYear has the weeks of the US locale: they begin on Sunday, and the first is that of New Year's Day.
func TestWeeksAroundNewYear(t *testing.T) {
	e := parse(t, "!{timestamp:YYYY-'W'ww-e 'month' W}").Evaluator(time.UTC, "")
	for date, want := range map[string]string{
		"2022-12-31": "2022-W53-7 month 5", "2023-01-01": "2023-W01-1 month 1", "2023-12-30": "2023-W52-7 month 5",
		"2023-12-31": "2024-W01-1 month 6", "2024-12-28": "2024-W52-7 month 4", "2024-12-29": "2025-W01-1 month 5",
		"2025-01-01": "2025-W01-4 month 1", "2025-12-31": "2026-W01-4 month 5",
	} {
		at, err := time.Parse(time.DateOnly, date)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(e.Append(nil, at.UnixMilli(), nil)); got != want {
			t.Errorf("%s: got %s, want %s", date, got, want)
		}
	}
}

func TestTemplateSaysWhatItUses(t *testing.T) {
	for _, test := range []struct {
		source    string
		keys      []string
		errorType bool
		finest    time.Duration
	}{
		{"static", nil, false, 0},
		{"!{timestamp:'s'}", nil, false, 0},
		{"!{timestamp:yyyy}", nil, false, 365 * 24 * time.Hour},
		{"!{timestamp:yyyy/MMM}", nil, false, 28 * 24 * time.Hour},
		{"!{timestamp:HH}/!{timestamp:yyyy-dd}", nil, false, time.Hour},
		{"!{timestamp:mm}", nil, false, time.Minute},
		{"!{timestamp:yyyyMMddHHmmss}", nil, false, time.Second},
		{"!{partitionKeyFromQuery:z}!{partitionKeyFromQuery:a}!{partitionKeyFromQuery:z}", []string{"z", "a"}, false, 0},
		{"!{firehose:error-output-type}", nil, true, 0},
	} {
		template := parse(t, test.source)
		if got := template.Keys(); !reflect.DeepEqual(got, test.keys) {
			t.Errorf("%s: got keys %q, want %q", test.source, got, test.keys)
		}
		if got := template.ErrorType(); got != test.errorType {
			t.Errorf("%s: got error type %v, want %v", test.source, got, test.errorType)
		}
		if got := template.Finest(); got != test.finest {
			t.Errorf("%s: got finest %v, want %v", test.source, got, test.finest)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, test := range []struct{ source, want string }{
		{"ab!{timestamp:yyyy", "begins at position 3 is not closed"},
		{"!{", "position 1 is not closed"},
		{"!{}", "!{namespace:value}"},
		{"!{timestamp}", "!{namespace:value}"},
		{"!{timestamp:}", "!{namespace:value}"},
		{"!{partitionKeyFromQuery:}", "!{namespace:value}"},
		{"!{Timestamp:yyyy}", `"Timestamp" is not supported`},
		{"!{firehose:x}", `firehose has no value "x"`},
		{"!{timestamp:yyyy!{timestamp:MM}", "cannot hold another one"},
		{"!{timestamp:yyyy-GG}", `'G' at position 6 is not supported; supported are y u Y Q M L w W d D E e a H h K k m s`},
		{"!{timestamp:yyyy/DDDD}", "'D' at position 6 is repeated 4 times; Java's limit is 3"},
		{"!{timestamp:yyyyMM]}", "the ']' at position 7 has no '[' before it"},
		{"!{timestamp:V}", "'V' at position 1 must be written twice"},
		{"!{timestamp:y OO}", "'O' at position 3 must be written once or four times"},
		{"!{timestamp:{yyyy}", "'{' at position 1 is reserved"},
		{"!{timestamp:yyyy#}", "'#' at position 5 is reserved"},
		{"!{timestamp:HHH}", "'H' at position 1 is repeated 3 times; Java's limit is 2"},
		{"!{timestamp:'T}", "the quote at position 1 is not closed"},
		{"!{timestamp:yyyy'a''}", "the quote at position 5 is not closed"},
	} {
		_, err := expr.Parse(test.source)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want an error with %q", test.source, err, test.want)
		}
	}
}

func TestParseReportsEveryFault(t *testing.T) {
	_, err := expr.Parse("!{a:b}/!{timestamp:GGGG}/!{timestamp:HH}/!{firehose:x}/!{timestamp:")
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("got %v, want joined errors", err)
	}
	if got, want := len(joined.Unwrap()), 4; got != want {
		t.Errorf("got %d faults, want %d: %v", got, want, err)
	}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	e := parse(t, "a/!{timestamp:yyyy/MM/dd}/!{partitionKeyFromQuery:k}/").Evaluator(time.UTC, "")
	dst, values, at := make([]byte, 0, 256), [][]byte{[]byte("v/\x00é")}, int64(0)
	allocations := testing.AllocsPerRun(100, func() {
		at += 500
		dst = e.Append(dst[:0], at, values)
	})
	if allocations != 0 {
		t.Errorf("got %v allocations, want 0", allocations)
	}
}

// FuzzTemplate checks that whatever compiles evaluates, that literal text is kept, and that no prefix is longer than the
// longest.
func FuzzTemplate(f *testing.F) {
	for _, seed := range []string{
		"", "a", "!{timestamp:yyyy/MM'x'}", "!{a:b}", "!{timestamp:''}x!{partitionKeyFromQuery:k}", "!{", "!{timestamp:[y[-MMM]]}",
		"!{timestamp:YYYY-'W'ww-e EEEE QQQQ DDD}", "!{timestamp:KK:mm:ss.SSSnnn a}", "!{timestamp:VV zzzz OOOO XXXXX ZZZZ}",
		"!{firehose:random-string}!{firehose:error-output-type}",
	} {
		f.Add(seed, int64(1752244449123))
	}
	zone := location(f, "Africa/Casablanca")
	f.Fuzz(func(t *testing.T, source string, at int64) {
		template, err := expr.Parse(source)
		if err != nil {
			return
		}
		values := make([][]byte, len(template.Keys()))
		for i := range values {
			values[i] = []byte("v")
		}
		got := string(template.Evaluator(zone, "type").Append(nil, at, values))
		if !expr.HasExpression(source) && got != source {
			t.Errorf("got %q, want %q", got, source)
		}
		const now, year9999 = 1577836800000, 253370764800000 // from 2020 on, where offsets have no seconds
		if longest := template.Longest(zone, "type"); at >= now && at < year9999 && len(got) > len(longest) {
			t.Errorf("got %q, longer than %q", got, longest)
		}
	})
}

func parse(t *testing.T, source string) *expr.Template {
	t.Helper()
	template, err := expr.Parse(source)
	if err != nil {
		t.Fatal(err)
	}
	return template
}

func location(t rapid.TB, name string) *time.Location {
	t.Helper()
	zone, err := stream.LoadZone(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}
