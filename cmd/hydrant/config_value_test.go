package main

import (
	"reflect"
	"testing"

	"hydrant/stream"
)

// TestEveryFieldCanBeRead keeps a field of a kind that the decoder does not know from being added unnoticed.
func TestEveryFieldCanBeRead(t *testing.T) {
	checkReadable(t, reflect.TypeFor[Config](), "")
	checkReadable(t, reflect.TypeFor[stream.Stream](), "streams.s")
}

func checkReadable(t *testing.T, typ reflect.Type, path string) {
	t.Helper()
	switch {
	case isScalar(typ):
	case typ.Kind() == reflect.Pointer:
		checkReadable(t, typ.Elem(), path)
	case typ.Kind() == reflect.Map && typ.Key() == reflect.TypeFor[string]():
		checkReadable(t, typ.Elem(), path+".*")
	case typ.Kind() == reflect.Struct:
		for i := range typ.NumField() {
			field := typ.Field(i)
			key := field.Tag.Get("yaml")
			if key == "" {
				t.Errorf("the field %s of %s has no yaml tag", field.Name, typ)
			}
			if key != "-" {
				checkReadable(t, field.Type, join(path, key))
			}
		}
	default:
		t.Errorf("%s: the decoder does not know the type %s", path, typ)
	}
}

func TestSetText(t *testing.T) {
	var (
		text  string
		truth bool
		count int
		small int32
		size  stream.Size
	)
	tests := []struct {
		into any
		text string
		want any // nil for an error
	}{
		{&text, "", ""},
		{&text, "007", "007"},
		{&truth, "true", true},
		{&truth, "false", false},
		{&truth, "True", nil},
		{&truth, "", nil},
		{&count, "-3", -3},
		{&count, "0x10", nil},
		{&count, "1e3", nil},
		{&count, "99999999999999999999", nil},
		{&small, "2147483647", int32(2147483647)},
		{&small, "2147483648", nil},
		{&size, "64MiB", stream.Size(64 << 20)},
		{&size, "64 lights", nil},
	}
	for _, test := range tests {
		into := reflect.ValueOf(test.into).Elem()
		into.SetZero()
		err := setText(into, test.text)
		if (err != nil) != (test.want == nil) {
			t.Errorf("%q into a %s: got error %v, want one %v", test.text, into.Type(), err, test.want == nil)
			continue
		}
		if got := into.Interface(); err == nil && got != test.want {
			t.Errorf("%q into a %s: got %v, want %v", test.text, into.Type(), got, test.want)
		}
	}
}

func TestDecodeRefusesKindsItDoesNotKnow(t *testing.T) {
	d := newDecoder(newReport("c.yaml", nil))
	var value struct {
		Ratio float64 `yaml:"ratio"`
	}
	d.decode(d.parse([]byte("ratio: 0.5")), reflect.ValueOf(&value).Elem(), "")
	checkFaults(t, d.faults, []string{"c.yaml:1:1: ratio: this version cannot read a float64"})
}
