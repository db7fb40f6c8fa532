package ingest

import (
	"strings"
	"testing"
)

func TestLimitsDefaults(t *testing.T) {
	got, err := Limits{}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	want := Limits{Body: 8388608, Decompressed: 33554432, Record: 1024000, Records: 10000, InFlight: 268435456}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestLimitsRefused(t *testing.T) {
	for _, c := range []struct {
		limits Limits
		want   string // in the error
	}{
		{Limits{Body: -1}, "limits.body is -1"},
		{Limits{Body: 2 << 30}, "limits.body is 2147483648; it must be 1 to 1073741824"},
		{Limits{Decompressed: -1}, "limits.decompressed is -1"},
		{Limits{Record: 17 << 20}, "limits.record is 17825792; it must be 1 to 16777216"},
		{Limits{Records: -5}, "limits.records is -5"},
		{Limits{InFlight: 1 << 20}, "limits.in_flight is 1048576, below limits.body, 8388608"},
	} {
		_, err := New(Config{Limits: c.limits}, Deps{Log: &fakeLog{}, Catalog: new(Catalog)})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got error %v, want one with %q", c.limits, err, c.want)
		}
	}
}
