package native

import (
	"encoding/json"
	"testing"

	"hydrant/buffer"
)

func TestStreamOf(t *testing.T) {
	for _, c := range []struct {
		path, want string
		ok         bool
	}{
		{"/v1/streams/clicks/records", "clicks", true},
		{"/v1/streams/a.b_c-D9/records", "a.b_c-D9", true},
		{"/v1/streams/../records", "..", true},
		{"/v1/streams//records", "", false},
		{"/v1/streams/records", "", false},
		{"/v1/streams/a/b/records", "", false},
		{"/v1/streams/clicks/records/", "", false},
		{"/v1/streams/clicks", "", false},
		{"/v2/streams/clicks/records", "", false},
		{"/", "", false},
	} {
		got, ok := streamOf([]byte(c.path), "/records")
		if ok != c.ok || ok && string(got) != c.want {
			t.Errorf("%s: got %q, %v, want %q, %v", c.path, got, ok, c.want, c.ok)
		}
	}
}

func TestSplitterFor(t *testing.T) {
	for contentType, want := range map[string]bool{
		"application/json":                  true,
		"application/json; charset=utf-8":   true,
		"Application/JSON ;charset=utf-8":   true,
		"application/x-ndjson":              true,
		"application/x-ndjson;charset=utf8": true,
		"":                                  false,
		"text/plain":                        false,
		"application/jsonp":                 false,
		"application/x-amz-json-1.1":        false,
		"multipart/form-data; boundary=x":   false,
	} {
		if _, err := splitterFor([]byte(contentType)); (err == nil) != want {
			t.Errorf("%q: got error %v, want support %v", contentType, err, want)
		}
	}
}

func TestAppendAnswer(t *testing.T) {
	for _, c := range []struct {
		receipt buffer.Receipt
		want    string
	}{
		{buffer.Receipt{Lane: 0, First: 1, Count: 1}, `{"records":1,"sequence":"0/1-1","duplicate":false}`},
		{buffer.Receipt{Lane: 7, First: 100, Count: 500}, `{"records":500,"sequence":"7/100-599","duplicate":false}`},
	} {
		got := string(appendAnswer(nil, c.receipt))
		if got != c.want || !json.Valid([]byte(got)) {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}
