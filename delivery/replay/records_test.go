package replay

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

func readAll(f Form, text string) (out []string, err error) {
	for r := newReader(f, strings.NewReader(text)); ; {
		one, err := r.next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		out = append(out, string(one.data))
	}
}

func TestForms(t *testing.T) {
	long := strings.Repeat("long", 1<<16)
	for _, c := range []struct {
		form Form
		text string
		want []string
		err  string
	}{
		{Records{"\n"}, "", nil, ""},
		{Records{"\n"}, "a\n\nb\n", []string{"a", "", "b"}, ""},
		{Records{"\n"}, "a\nb", []string{"a", "b"}, ""},
		{Records{"##"}, "a##b#c##" + long + "##", []string{"a", "b#c", long}, ""},
		{Records{"\r\n"}, "a\nb\r\n", []string{"a\nb"}, ""},
		{Records{"\n"}, strings.Repeat(long, 65), nil, "record 1: it has a record of more than 16777216 bytes: is the delimiter right?"},
		{Errors{}, `{"rawData":"AAH/"}` + "\n" + `{"rawData":""}`, []string{"\x00\x01\xff", ""}, ""},
		{Errors{}, `{"rawData":"YQ=="}` + "\n" + `{"rawData":"Y`, []string{"a"}, "record 2: it is no JSON object with rawData"},
		{Errors{}, `{"rawData":null}`, nil, "record 1: it is no JSON object"},
		{Errors{}, `[]`, nil, "record 1: it is no JSON object"},
	} {
		got, err := readAll(c.form, c.text)
		if !slices.Equal(got, c.want) || (err == nil) != (c.err == "") || err != nil && !strings.HasPrefix(err.Error(), c.err) {
			t.Errorf("%s, %.60q: got %.60q, %v, want %.60q, %s", c.form.name(), c.text, got, err, c.want, c.err)
		}
	}
}

// What is wrong with an object is told once the records before it are sent.
func TestReadInBatches(t *testing.T) {
	r := newReader(Records{"\n"}, io.MultiReader(strings.NewReader("a\nbbb\nc\nd\n"), failing{}))
	for _, want := range []struct {
		from    span
		records int64
		size    int
		got     string
	}{
		{span{0, endless}, 2, 3, "a"},
		{span{1, endless}, 2, 1, "bbb"}, // one at least
		{span{3, endless}, 5, 9, "d"},
	} {
		b, err := r.read(want.from, want.records, want.size)
		if err != nil || len(b.records) != 1 || string(b.records[0].data) != want.got || b.span != (span{want.from.From, want.from.From + 1}) {
			t.Fatalf("got %v, %v, want %s", b, err, want.got)
		}
	}
	if _, err := r.read(span{4, endless}, 5, 9); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v at the end", err)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestSelection(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	const id = "-0b9f3b7e-1b1c-5d7e-8a0a-0123456789ab"
	s := Selection{From: time.Date(2026, 1, 31, 14, 0, 0, 0, time.UTC), To: time.Date(2026, 1, 31, 15, 0, 0, 0, time.UTC), Zone: berlin}
	for key, want := range map[string]bool{
		"a/clicks-1-2026-01-31-15-00-00" + id + ".gz":         true,
		"clicks-2026-12-2026-01-31-15-59-59" + id:             true,
		"a/clicks-1-2026-01-31-14-59-59" + id + ".gz":         false,
		"a/clicks-1-2026-01-31-16-00-00" + id + ".gz":         false,
		"a-1-2026-01-31-15-00-00" + id + "/clicks.gz":         false,
		"a/clicks-1-2026-01-31-15-00-00" + id + ".json.gz":    true,
		"a/clicks-1-2026-13-31-15-00-00" + id + ".gz":         false,
		"a/clicks-1-2026-01-31-15-00-00-not-an-id.json.gz.gz": false,
	} {
		at, named := s.timeOf(key)
		if got := named && s.selects(at); got != want {
			t.Errorf("%s: got %v", key, got)
		}
	}
}

// Neither form reads more than there is, or panics.
func FuzzForms(f *testing.F) {
	f.Add([]byte("a\n{\"rawData\":\"YQ==\"}\n"), "\n")
	f.Add([]byte("a##b"), "##")
	f.Fuzz(func(t *testing.T, data []byte, delimiter string) {
		_, _ = readAll(Errors{}, string(data)) // any error will do
		if delimiter == "" {
			return
		}
		got, err := readAll(Records{delimiter}, string(data))
		if err != nil {
			t.Fatal(err)
		}
		if whole := strings.Join(got, delimiter); whole != string(data) && whole+delimiter != string(data) {
			t.Fatalf("%q delimited by %q became %q", data, delimiter, got)
		}
	})
}
