package jq_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"hydrant/stream/jq"
)

// hostile are queries that would take all time or memory there is.
var hostile = map[string]string{
	"endless loop":           `def f: f; f`,
	"endless generator":      `last(repeat(1))`,
	"a long range":           `last(range(1e12))`,
	"deep recursion":         `def f: 1 + f; f`,
	"deep nesting":           `def f: [f]; f`,
	"deeper and deeper":      `last(recurse([.]))`,
	"two calls each":         `def f: f, f; last(f)`,
	"many variables":         `def f: . as $a | . as $b | . as $c | . as $d | . as $e | . as $g | . as $h | 1 + f + $a + $b + $c + $d + $e + $g + $h; f`,
	"long closures":          `1 | recurse((1, 2) | ` + strings.Repeat(`(. as $x | [$x] | .[0]) | `, 100) + `.)`,
	"a huge string":          `"x" * 1e9`,
	"a string doubled":       `reduce range(64) as $i ("x"; . + .)`,
	"an array doubled":       `reduce range(64) as $i ([1]; . + .)`,
	"shared nesting printed": `reduce range(64) as $i ([1]; [., .]) | tojson`,
	"shared nesting equal":   `reduce range(64) as $i ([1]; [., .]) | . == (. | map(.))`,
	"shared nesting sorted":  `reduce range(64) as $i ([1]; [., .]) | sort`,
	"shared nesting deleted": `reduce range(64) as $i ([1]; [., .]) | del(.[0])`,
	"shared nesting flat":    `reduce range(64) as $i ([1]; [., .]) | flatten`,
	"the same string summed": `("x" * 100000) as $s | [range(1000) | $s] | add`,
	"the same string joined": `("x" * 100000) as $s | [range(1000) | 1] | join($s)`,
	"a far index":            `.[100000000] = 1`,
	"a far index by path":    `null | setpath([100000000]; 1)`,
	"a growing slice":        `reduce range(64) as $i ([1]; .[0:0] = .)`,
	"paths without end":      `[path(repeat(.a))] | length`,
	"a growing number":       `reduce range(1e9) as $i (10; . * .)`,
	"a long table":           `[[range(2000)], (range(2000) | [])] | transpose`,
	"an array less another":  `[range(5000)] - [range(5000)]`,
	"a text in a text":       `("a" * 1000000) as $s | $s | indices("a" * 500000)`,
	"characters of a text":   `("é" * 200000) as $s | [range(100000) | $s[1:2]] | length`,
	"a regexp bomb":          `"aaaa" | test("(((a{1,100}){1,100}){1,100}){1,100}")`,
	"a regexp on much":       `("a" * 1000000) | [match("(a|b|c|d|e|f|g|h)*$"; "g")] | length`,
	"a regexp for each":      `[range(1000000) | tostring as $s | "x" | test($s)] | length`,
	"every match kept":       `("a" * 1000000) | [scan("")] | length`,
	"combinations":           `[range(30) | [0, 1]] | [combinations] | length`,
	"an object merged":       `reduce range(64) as $i ({a: {}}; . * {a: ., b: .}) | tojson`,
	"a date of great width":  `0 | strftime("%1000Y" * 100000)`,
	"base64 again and again": `reduce range(200) as $i ("x"; @base64)`,
	"escapes again":          `reduce range(200) as $i ("\""; tojson)`,
	"an error as large":      `def f: try error([., .]) catch f; f | tojson`,
	"updates of everything":  `[range(100000)] | map_values(. + 1) | length`,
	"a hostile record":       `[.. | tojson] | length`,
}

// record is deep and wide.
func hostileRecord() []byte {
	return fmt.Appendf(nil, `{"deep":%s%s,"wide":[%s1]}`, strings.Repeat("[", 900), strings.Repeat("]", 900), strings.Repeat("[],", 20000))
}

// Each ends within its bound, at the same point every time, and without more memory than the bound allows.
func TestHostileQueriesAreBounded(t *testing.T) {
	const most = 512 << 20 // bytes allocated by one evaluation, live or not
	record := hostileRecord()
	for name, source := range hostile {
		t.Run(name, func(t *testing.T) {
			q, err := jq.Compile(source)
			if err != nil {
				t.Fatal(err)
			}
			value, err := jq.Decode(record)
			if err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err = q.Run(value)
			runtime.ReadMemStats(&after)
			if err == nil {
				t.Error("it comes to an end")
			}
			if allocated := after.TotalAlloc - before.TotalAlloc; allocated > most {
				t.Errorf("%d MiB allocated", allocated>>20)
			}
			if _, again := q.Run(value); fmt.Sprint(again) != fmt.Sprint(err) {
				t.Errorf("once %v, then %v", err, again)
			}
		})
	}
}

func TestLimitCannotBeCaught(t *testing.T) {
	q, err := jq.Compile(`try ("x" * 1e9) catch "caught"`)
	if err != nil {
		t.Fatal(err)
	}
	var limit *jq.LimitError
	if value, err := q.Run(nil); !errors.As(err, &limit) {
		t.Errorf("got %v, %v", value, err)
	}
	if q, err = jq.Compile(".a"); err != nil {
		t.Fatal(err)
	}
	if value, err := q.Run(map[string]any{"a": 1}); value != 1 || err != nil {
		t.Errorf("the next query gives %v, %v", value, err)
	}
}

func TestRefused(t *testing.T) {
	for source, want := range map[string]string{
		"":                    "the query is empty",
		"# a word":            "nothing but comments",
		".a | (":              "the query .a | (",
		".a b":                `position 4: "b" cannot stand here`,
		"now":                 "may not depend on the clock",
		"localtime":           "time zone",
		`strflocaltime("%Y")`: "time zone",
		"$ENV.HOME":           "environment",
		"env":                 "environment",
		"{$ENV}":              "environment",
		"input":               "one record and nothing else",
		"inputs":              "one record",
		"debug":               "one record",
		"input_filename":      "one record",
		"$__loc__":            "one record",
		"halt":                "end more than the query",
		`halt_error("x")`:     "end more than the query",
		"builtins":            "one record",
		"jn(1; 2)":            "time without bound",
		"nosuch":              "there is no function nosuch/0 here",
		"@base32":             "there is no format @base32 here",
		`import "a" as a; .`:  "modules are not supported",
		"$undefined":          "variable not defined",
		strings.Repeat("(", 300) + "1" + strings.Repeat(")", 300): "nested deeper than 200 levels",
		strings.Repeat("1+", 4000) + "1":                          "the limit is 6144",
	} {
		if _, err := jq.Compile(source); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: got %v, want %q", source, err, want)
		}
	}
}

// FuzzRun looks for panics, and for queries that give one thing once and another the next time.
func FuzzRun(f *testing.F) {
	for _, source := range hostile {
		f.Add(source, `{"a":[1,{"b":"c"}]}`)
	}
	f.Add(`.a[]?|.b//"x"|test("a.*")`, `{"a":[1,{"b":"c"}]}`)
	f.Fuzz(func(t *testing.T, source, record string) {
		q, err := jq.Compile(source)
		if err != nil {
			return
		}
		value, err := jq.Decode([]byte(record))
		if err != nil {
			return
		}
		first, failed := q.Run(value)
		second, again := q.Run(value)
		if fmt.Sprint(first, failed) != fmt.Sprint(second, again) {
			t.Errorf("%s: %v, %v; then %v, %v", source, first, failed, second, again)
		}
	})
}
