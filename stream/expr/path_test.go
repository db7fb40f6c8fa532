package expr_test

import (
	"strings"
	"testing"

	"hydrant/stream/expr"
)

func TestParsePath(t *testing.T) {
	const record = `{"a":{"b":"ab","b c":"abc","":"e","x":[["x00","x01"],{"y":"x1y"}]},"a b":"spaced","é":"accent","_9":"n9"}`
	for _, test := range []struct{ source, want string }{
		{`.a.b`, "ab"},
		{`.a["b"]`, "ab"},
		{`.a.["b"]`, "ab"},
		{`.["a"]["b"]`, "ab"},
		{`."a"."b"`, "ab"},
		{`."a b"`, "spaced"},
		{`.a."b c"`, "abc"},
		{`.a["b\u0020c"]`, "abc"},
		{`.a.""`, "e"},
		{`.a.x[0][1]`, "x01"},
		{`.a.x[1].y`, "x1y"},
		{`."é"`, "accent"},
		{`._9`, "n9"},
	} {
		path, err := expr.ParsePath(test.source)
		if err != nil {
			t.Error(err)
			continue
		}
		values, err := expr.NewExtractor(path).Extract([]byte(record))
		if err != nil || string(values[0]) != test.want {
			t.Errorf("%s: got %q (%v), want %q", test.source, values, err, test.want)
		}
		if path.String() != test.source {
			t.Errorf("got %s, want %s", path, test.source)
		}
	}
}

func TestParsePathRefuses(t *testing.T) {
	for _, test := range []struct{ source, want string }{
		{``, "the path is empty"},
		{`.`, "a name must follow the dot"},
		{`a`, `"a" cannot stand here`},
		{`.a b`, `position 3: " " cannot stand here: only simple paths are supported`},
		{`.a|.b`, `position 3: "|" cannot stand here`},
		{`.a?`, `"?" cannot stand here`},
		{`.a-b`, `'-' is an operator in jq`},
		{`..`, "a name must follow the dot"},
		{`.a.`, "a name must follow the dot"},
		{`.0`, "a name must follow the dot"},
		{`.[0]`, "begins with an index"},
		{`["a"]`, "does not begin with a dot"},
		{`.a[]`, "brackets hold a name in double quotes or an index"},
		{`.a[-1]`, "brackets hold a name in double quotes or an index"},
		{`.a[99999999999]`, "brackets hold a name in double quotes or an index"},
		{`.a[0`, "the bracket is not closed"},
		{`.a["b"`, "the bracket is not closed"},
		{`."a`, "the double quote is not closed"},
		{`."a\`, "the double quote is not closed"},
		{`."\(1)"`, "is no JSON string"},
		{".a\xff", "is not UTF-8"},
		{strings.Repeat(".a", 1001), "1001 steps; the limit is 1000"},
	} {
		_, err := expr.ParsePath(test.source)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want an error with %q", test.source, err, test.want)
		}
	}
}

func FuzzParsePath(f *testing.F) {
	for _, seed := range []string{`.a.b`, `."a b"[0]["c"]`, `.a[-1]`, `.`, `."\u0041"`, `.["`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		if path, err := expr.ParsePath(source); err == nil {
			expr.NewExtractor(path).Extract([]byte(`{"a":{"b":[1,{"c":2}]}}`))
		}
	})
}
