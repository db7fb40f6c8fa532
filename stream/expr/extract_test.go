package expr_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"hydrant/stream/expr"
)

func TestExtract(t *testing.T) {
	for _, test := range []struct{ path, record, want string }{
		{".a", `{"a":"v"}`, "v"},
		{".a", " \t\r\n{ \"a\" : \"v\" } \n", "v"},
		{".a", `{"b":[1,{"a":"no"},[]],"c":{"a":"no","d":{}},"a":"v"}`, "v"},
		{".a", `{"a":1}`, "1"},
		{".a", `{"a":1.0}`, "1.0"},
		{".a", `{"a":-1.5e+10}`, "-1.5e+10"},
		{".a", `{"a":12345678901234567890}`, "12345678901234567890"},
		{".a", `{"a":true}`, "true"},
		{".a", `{"a":false,"b":null}`, "false"},
		{".a", `{"a":"x\"\\\/\b\f\n\r\té"}`, "x\"\\/\b\f\n\r\té"},
		{".a", `{"a":"\ud83d\ude00 \ud83d \ude00x"}`, "😀 \ufffd \ufffdx"},
		{".a", `{"a":"\ud83dxude00 \ud83d"}`, "\ufffdxude00 \ufffd"},
		{".a", "{\"a\":\"\xff\"}", "\xff"},
		{".a", `{"\u0061":"v"}`, "v"},
		{`."a\"b"`, `{"a\"b":"v"}`, "v"},
		{".a", `{"a":"first","a":"last"}`, "last"},
		{".a", `{"a":"first","\u0061":"last"}`, "last"},
		{".a.b", `{"a":{"b":1},"a":{"b":2,"b":3}}`, "3"},
		{".a[1]", `{"a":[0,"one",2]}`, "one"},
		{".a[1].b[0]", `{"a":[0,{"b":["v"]},2]}`, "v"},
	} {
		values, err := extractor(t, test.path).Extract([]byte(test.record))
		if err != nil || string(values[0]) != test.want {
			t.Errorf("%s of %s: got %q (%v), want %q", test.path, test.record, values, err, test.want)
		}
	}
}

func TestExtractFails(t *testing.T) {
	for _, test := range []struct{ path, record, want string }{
		{".a", `{}`, ".a is missing"},
		{".a", `{"b":1}`, ".a is missing"},
		{".a", `{"a":null}`, ".a is null"},
		{".a", `{"a":""}`, ".a is an empty string"},
		{".a", `{"a":{}}`, ".a is an object"},
		{".a", `{"a":[]}`, ".a is an array"},
		{".a", `{"a":1,"a":null}`, ".a is null"},
		{".a.b", `{"a":{"b":1},"a":{}}`, ".a.b is missing"},
		{".a.b", `{"a":{"b":1},"a":5}`, ".a.b is out of reach: a value on the way to it is of another type"},
		{".a.b", `{"a":[{"b":1}]}`, ".a.b is out of reach"},
		{".a.b", `{"a":"b"}`, ".a.b is out of reach"},
		{".a.b", `{"a":null}`, ".a.b is null"},
		{".a.b.c", `{"a":{}}`, ".a.b.c is missing"},
		{".a[0]", `{"a":[]}`, ".a[0] is missing"},
		{".a[2]", `{"a":[0,1]}`, ".a[2] is missing"},
		{".a[0]", `{"a":{"0":1}}`, ".a[0] is out of reach"},
		{".a", ``, "the record ends too early (byte 0)"},
		{".a", `  `, "the record ends too early (byte 2)"},
		{".a", `[{"a":1}]`, "an object must begin here (byte 0)"},
		{".a", `"a"`, "an object must begin here"},
		{".a", "\ufeff{}", "an object must begin here"},
		{".a", `{"a":1`, "the record ends too early (byte 6)"},
		{".a", `{"a":"v`, "the record ends too early (byte 7)"},
		{".a", `{"a":tru`, "the record ends too early (byte 8)"},
		{".a", `{"a":1}{"a":2}`, "more text follows the object (byte 7)"},
		{".a", `{"a":1} x`, "more text follows the object (byte 8)"},
		{".a", `{"a":1,}`, "a field's name must begin here (byte 7)"},
		{".a", `{"a" 1}`, "a colon must follow the field's name (byte 5)"},
		{".a", `{"a":1 "b":2}`, "a comma or the closing bracket must follow (byte 7)"},
		{".a", `{"a":1,"b":[1,]}`, "a value must begin here (byte 14)"},
		{".a", `{"a":1,"b":{]}`, "a field's name must begin here (byte 12)"},
		{".a", `{"a":01}`, "a comma or the closing bracket must follow (byte 6)"},
		{".a", `{"a":1.}`, "the number is not JSON's (byte 7)"},
		{".a", `{"a":-}`, "the number is not JSON's"},
		{".a", `{"a":1e}`, "the number is not JSON's"},
		{".a", `{"a":NaN}`, "a value must begin here (byte 5)"},
		{".a", `{"a":'v'}`, "a value must begin here"},
		{".a", `{"a":"\x"}`, "the escape is not JSON's (byte 6)"},
		{".a", `{"a":"\u12g4"}`, "the escape is not JSON's"},
		{".a", "{\"a\":\"\\u\x11\x11\x11\x11\"}", "the escape is not JSON's"},
		{".a", "{\"a\":\"\n\"}", "a string holds a control character (byte 6)"},
	} {
		_, err := extractor(t, test.path).Extract([]byte(test.record))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s of %s: got %v, want an error with %q", test.path, test.record, err, test.want)
		}
	}
}

// TestEveryByteInAString puts each byte at each place of a string, inside and behind what is read eight bytes at a time.
func TestEveryByteInAString(t *testing.T) {
	x := extractor(t, ".a")
	for c := range 256 {
		for at := range 20 {
			value := bytes.Repeat([]byte("v"), 20)
			value[at] = byte(c)
			agree(t, fmt.Appendf(nil, `{"a":"%s"}`, value), ".a", x)
		}
	}
}

// TestEveryByteInANumber does the same with digits, of which eight are read at a time too.
func TestEveryByteInANumber(t *testing.T) {
	x := extractor(t, ".a")
	for c := range 256 {
		for at := range 20 {
			for _, behind := range []string{"", `,"b":123456789`} {
				value := bytes.Repeat([]byte("7"), 20)
				value[at] = byte(c)
				agree(t, fmt.Appendf(nil, `{"a":%s%s}`, value, behind), ".a", x)
			}
		}
	}
}

func TestExtractSeveral(t *testing.T) {
	x := extractor(t, ".c", ".a.b", ".a.x[1]", ".c")
	for range 2 { // what one record leaves behind does not show in the next
		values, err := x.Extract([]byte(`{"a":{"x":["\n","\t"],"b":"\u0041"},"c":3}`))
		if got, want := fmt.Sprintf("%q", values), `["3" "A" "\t" "3"]`; err != nil || got != want {
			t.Errorf("got %s (%v), want %s", got, err, want)
		}
		_, err = x.Extract([]byte(`{"a":{"x":[1,2]},"c":3}`))
		var missing *expr.ValueError
		if !errors.As(err, &missing) || missing.Path != 1 {
			t.Errorf("got %v, want path 1 to be missing", err)
		}
	}
}

func TestDepth(t *testing.T) {
	const most = 1000
	nested := func(levels int) []byte {
		return []byte(`{"a":` + strings.Repeat("[", levels-1) + strings.Repeat("]", levels-1) + `}`)
	}
	steps := ".a" + strings.Repeat("[0]", most-1) // leads to the innermost array of most+1 levels
	for _, path := range []string{".a", ".b", steps} {
		x := extractor(t, path)
		var syntax *expr.SyntaxError
		if _, err := x.Extract(nested(most)); errors.As(err, &syntax) {
			t.Errorf("%.20s: %d levels: %v", path, most, err)
		}
		if _, err := x.Extract(nested(most + 1)); !errors.As(err, &syntax) || !strings.Contains(err.Error(), "1000 levels") {
			t.Errorf("%.20s: %d levels: got %v, want too deep", path, most+1, err)
		}
	}
}

func TestExtractDoesNotAllocate(t *testing.T) {
	x := extractor(t, ".a.b", ".c[1]", ".d")
	record := []byte(`{"a":{"b":"\u0041\n"},"c":[{"x":[1,2,{}]},true],"\u0064":1.5}`)
	if _, err := x.Extract(record); err != nil {
		t.Fatal(err)
	}
	if got := testing.AllocsPerRun(100, func() { x.Extract(record) }); got != 0 {
		t.Errorf("got %v allocations, want 0", got)
	}
}

// BenchmarkExtract goes through many records of one form: with one again and again, the processor foresees each string's end.
func BenchmarkExtract(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	word := func(most int) string { return strings.Repeat("w", 1+random.IntN(most)) }
	var records [][]byte
	for range 4096 {
		r := fmt.Appendf(nil, `{"time":"2026-01-02T03:04:05.015Z","service":"%s","path":"/%s/%d","status":%d,"ms":%d.%d,"trace":"%032x","steps":[`,
			word(12), word(9), random.IntN(1e5), 200+random.IntN(300), random.IntN(500), random.IntN(1000), random.Uint64())
		for len(r) < 900 {
			r = fmt.Appendf(r, `{"at":"%s","span":"%016x","took":%d,"message":"%s %d"},`,
				word(12), random.Uint64(), random.IntN(1e5), word(30), random.IntN(1e5))
		}
		records = append(records, append(r[:len(r)-1], `]}`...))
	}
	x := extractor(b, ".service")
	b.SetBytes(int64(len(bytes.Join(records, nil)) / len(records)))
	for i := 0; b.Loop(); i++ {
		if _, err := x.Extract(records[i%len(records)]); err != nil {
			b.Fatal(err)
		}
	}
}

var fuzzPaths = []string{".a", ".b", ".a.b", ".a[0]", `.a[1]."b\n"`, ".a.b.a", `.""`}

// FuzzExtract holds the scan against encoding/json: both must agree on what is one JSON object, and on every value.
func FuzzExtract(f *testing.F) {
	for _, seed := range []string{
		`{"a":{"b":"x"},"b":1.0}`, `{"a":[1,{"b\n":"\ud83d\ude00"}]}`, `{"a":1,"a":{"b":{"a":true}}}`, `{}`, `[]`, `{"a":"\u00`,
		"{\"a\":\"\xff\",\"\":\"e\"}", `{"a":1}{}`, ` {"b" : [ ] , "a" : null } `, `{"a":-0.0e-7,"b":"12345678\"9"}`,
		`{"b":[12345678,123456789.12345678e+12345678],"a":12345678}`,
	} {
		f.Add([]byte(seed))
	}
	var extractors []*expr.Extractor
	for _, path := range fuzzPaths {
		extractors = append(extractors, extractor(f, path))
	}
	all := extractor(f, fuzzPaths...)
	f.Fuzz(func(t *testing.T, record []byte) {
		all.Extract(record)
		for i, x := range extractors {
			agree(t, record, fuzzPaths[i], x)
		}
	})
}

// agree compares what the extractor of one path makes of a record with what encoding/json makes of it.
func agree(t rapid.TB, record []byte, path string, x *expr.Extractor) {
	t.Helper()
	object, valid := oracle(record)
	values, err := x.Extract(record)
	var syntax *expr.SyntaxError
	if errors.As(err, &syntax) && strings.Contains(syntax.Reason, "1000 levels") {
		return
	}
	if errors.As(err, &syntax) == valid {
		t.Fatalf("%q: got %v, encoding/json says valid is %v", record, err, valid)
	}
	want, found := lookUp(object, path)
	if found != (err == nil) {
		t.Fatalf("%s of %q: got %v, want %q", path, record, err, want)
	}
	if found && string([]rune(string(values[0]))) != want { // encoding/json replaces bytes that are not UTF-8
		t.Fatalf("%s of %q: got %q, want %q", path, record, values[0], want)
	}
}

// oracle is the record as encoding/json reads it, numbers as they are written.
func oracle(record []byte) (map[string]any, bool) {
	if !json.Valid(record) || bytes.TrimLeft(record, " \t\r\n")[0] != '{' {
		return nil, false
	}
	decoder := json.NewDecoder(bytes.NewReader(record))
	decoder.UseNumber()
	var object map[string]any
	err := decoder.Decode(&object)
	return object, err == nil
}

// lookUp walks one of fuzzPaths.
func lookUp(object map[string]any, path string) (string, bool) {
	steps := map[string][]any{
		".a": {"a"}, ".b": {"b"}, ".a.b": {"a", "b"}, ".a[0]": {"a", 0}, `.a[1]."b\n"`: {"a", 1, "b\n"},
		".a.b.a": {"a", "b", "a"}, `.""`: {""},
	}[path]
	var value any = object
	for _, step := range steps {
		switch at := step.(type) {
		case string:
			fields, _ := value.(map[string]any)
			value = fields[at]
		case int:
			elements, _ := value.([]any)
			if at >= len(elements) {
				return "", false
			}
			value = elements[at]
		}
	}
	switch value := value.(type) {
	case string, json.Number, bool:
		text := fmt.Sprint(value)
		return text, text != ""
	}
	return "", false
}

func extractor(t testing.TB, sources ...string) *expr.Extractor {
	t.Helper()
	var paths []expr.Path
	for _, source := range sources {
		path, err := expr.ParsePath(source)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return expr.NewExtractor(paths...)
}

// TestExtractAgainstOracle draws records that are JSON, or nearly so, over the names that the paths use.
func TestExtractAgainstOracle(t *testing.T) {
	var extractors []*expr.Extractor
	for _, path := range fuzzPaths {
		extractors = append(extractors, extractor(t, path))
	}
	rapid.Check(t, func(t *rapid.T) {
		record := []byte(drawObject(t, 3))
		if rapid.IntRange(0, 3).Draw(t, "damage") == 0 {
			at := rapid.IntRange(0, len(record)-1).Draw(t, "at")
			record[at] = rapid.SampledFrom([]byte("{}[]:,\"\\ue0 1-.\x01")).Draw(t, "byte")
		}
		for i, x := range extractors {
			agree(t, record, fuzzPaths[i], x)
		}
	})
}

func drawObject(t *rapid.T, depth int) string {
	var fields []string
	for range rapid.IntRange(0, 4).Draw(t, "fields") {
		name := rapid.SampledFrom([]string{`"a"`, `"b"`, `"\u0061"`, `"b\n"`, `""`, `"other name"`}).Draw(t, "name")
		fields = append(fields, drawSpace(t)+name+drawSpace(t)+":"+drawValue(t, depth))
	}
	return drawSpace(t) + "{" + strings.Join(fields, ",") + drawSpace(t) + "}" + drawSpace(t)
}

func drawValue(t *rapid.T, depth int) string {
	if kind := rapid.IntRange(0, 5).Draw(t, "kind"); depth > 0 && kind < 2 {
		return drawObject(t, depth-1)
	} else if depth > 0 && kind < 4 {
		var elements []string
		for range rapid.IntRange(0, 3).Draw(t, "elements") {
			elements = append(elements, drawValue(t, depth-1))
		}
		return drawSpace(t) + "[" + strings.Join(elements, ",") + drawSpace(t) + "]"
	}
	return drawSpace(t) + rapid.SampledFrom([]string{
		`"value"`, `""`, `"\"\\\u00e9\ud83d\ude00"`, `"a longer text than eight bytes"`, `0`, `-1.50e+7`, `10`, `true`, `false`, `null`,
	}).Draw(t, "scalar") + drawSpace(t)
}

func drawSpace(t *rapid.T) string {
	return rapid.SampledFrom([]string{"", "", "", " ", "\n\t\r "}).Draw(t, "space")
}
