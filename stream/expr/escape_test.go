package expr_test

import (
	"bytes"
	"net/url"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"hydrant/stream/expr"
)

func TestAppendEscaped(t *testing.T) {
	for _, test := range []struct{ value, want string }{
		{"", ""},
		{"customer 42", "customer 42"},
		{"Zürich-東京", "Zürich-東京"},
		{"a/b", "a%2Fb"},
		{"../../etc", "..%2F..%2Fetc"},
		{".", "%2E"},
		{"..", "%2E%2E"},
		{"...", "%2E%2E%2E"},
		{"..a", "..a"},
		{"1.0", "1.0"},
		{"\"#%'*/:=?\\{[]^", "%22%23%25%27%2A%2F%3A%3D%3F%5C%7B%5B%5D%5E"},
		{"}!$&()+,-@_`|~<>", "}!$&()+,-@_`|~<>"},
		{"a\x00\n\x1f\x7fb", "a%00%0A%1F%7Fb"},
		{"\u0085\u009f", "%C2%85%C2%9F"},
		{"\xff\xc3", "%FF%C3"},
		{"\xed\xa0\x80", "%ED%A0%80"},
		{"\ufffd", "\ufffd"},
	} {
		if got := string(expr.AppendEscaped([]byte(">"), []byte(test.value))); got != ">"+test.want {
			t.Errorf("%q: got %q, want %q", test.value, got, ">"+test.want)
		}
	}
}

func FuzzAppendEscaped(f *testing.F) {
	for _, seed := range []string{"", "a", ".", "..", "a/b", "\x00\x7f\xff", "é\u0085", "%2F", "{}[]"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		got := expr.AppendEscaped(nil, value)
		if back, err := url.PathUnescape(string(got)); err != nil || back != string(value) {
			t.Errorf("%q became %q, which is %q again (%v)", value, got, back, err)
		}
		if bytes.ContainsAny(got, "/\"#'*:=?\\{[]^") || bytes.ContainsFunc(got, unicode.IsControl) || !utf8.Valid(got) {
			t.Errorf("%q became %q", value, got)
		}
		if len(value) > 0 && strings.Trim(string(got), ".") == "" {
			t.Errorf("%q became %q, which is dots alone", value, got)
		}
	})
}
