package stream_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"pgregory.net/rapid"

	"hydrant/stream"
)

func TestParseSize(t *testing.T) {
	for _, test := range []struct {
		text      string
		want      stream.Size
		canonical string
	}{
		{"64MiB", 64 * stream.MiB, "64MiB"},
		{"1000KiB", 1000 * stream.KiB, "1000KiB"},
		{"1024KiB", stream.MiB, "1MiB"},
		{"5GiB", 5 * stream.GiB, "5GiB"},
		{"2TiB", 2 * stream.TiB, "2TiB"},
		{"1025", 1025, "1025"},
		{"1025B", 1025, "1025"},
		{"0", 0, "0"},
		{"0GiB", 0, "0"},
		{"9223372036854775807", math.MaxInt64, "9223372036854775807"},
		{"8388607TiB", 8388607 * stream.TiB, "8388607TiB"},
	} {
		got, err := stream.ParseSize(test.text)
		if err != nil || got != test.want {
			t.Errorf("%s: got %d (%v), want %d", test.text, got, err, test.want)
		}
		if got.String() != test.canonical {
			t.Errorf("%s: got %s, want %s", test.text, got, test.canonical)
		}
	}
}

func TestUnitsRefuse(t *testing.T) {
	for _, text := range []string{
		"", "MiB", "64MB", "64mib", "64 MiB", "1.5GiB", "-1", "+1", "1e6", "8388608TiB", "9223372036854775808",
	} {
		if _, err := stream.ParseSize(text); err == nil || !strings.Contains(err.Error(), "write it as 64MiB") {
			t.Errorf("%q: got %v, want an error with an example", text, err)
		}
	}
	for _, text := range []string{"", "60", "s", "60 s", "1d", "-60s", "99999999h"} {
		if _, err := stream.ParseDuration(text); err == nil || !strings.Contains(err.Error(), "write it as 60s") {
			t.Errorf("%q: got %v, want an error with an example", text, err)
		}
	}
}

func TestParseDuration(t *testing.T) {
	for _, test := range []struct {
		text      string
		want      time.Duration
		canonical string
	}{
		{"60s", time.Minute, "1m"},
		{"1m0s", time.Minute, "1m"},
		{"90s", 90 * time.Second, "1m30s"},
		{"5m", 5 * time.Minute, "5m"},
		{"10m", 10 * time.Minute, "10m"},
		{"24h", 24 * time.Hour, "24h"},
		{"100h", 100 * time.Hour, "100h"},
		{"1h0m5s", time.Hour + 5*time.Second, "1h0m5s"},
		{"1h30m", 90 * time.Minute, "1h30m"},
		{"250ms", 250 * time.Millisecond, "250ms"},
		{"0", 0, "0s"},
	} {
		got, err := stream.ParseDuration(test.text)
		if err != nil || time.Duration(got) != test.want {
			t.Errorf("%s: got %v (%v), want %v", test.text, got, err, test.want)
		}
		if got.String() != test.canonical {
			t.Errorf("%s: got %s, want %s", test.text, got, test.canonical)
		}
	}
}

func TestUnitsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := stream.Buffering{
			Size:     stream.Size(rapid.Int64Range(0, math.MaxInt64>>10).Draw(t, "kibibytes") >> rapid.IntRange(0, 40).Draw(t, "down") << 10),
			Interval: stream.Duration(rapid.Int64Min(0).Draw(t, "interval") / 1e9 * 1e9),
		}
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got stream.Buffering
		if err := json.Unmarshal(text, &got); err != nil || got != want {
			t.Fatalf("JSON: got %+v (%v), want %+v by way of %s", got, err, want, text)
		}
		if text, err = yaml.Marshal(want); err != nil {
			t.Fatal(err)
		}
		got = stream.Buffering{}
		if err := yaml.Unmarshal(text, &got); err != nil || got != want {
			t.Fatalf("YAML: got %+v (%v), want %+v by way of %s", got, err, want, text)
		}
	})
}

func TestUnitsFromJSONAndYAML(t *testing.T) {
	want := stream.Buffering{Size: stream.MiB, Interval: stream.Duration(time.Minute)}
	for _, text := range []string{
		`{"size":1048576,"interval":"60s"}`, `{"size":"1048576","interval":"1m"}`, `{"size":"\u0031MiB","interval":"60s"}`,
	} {
		var got stream.Buffering
		if err := json.Unmarshal([]byte(text), &got); err != nil || got != want {
			t.Errorf("%s: got %+v (%v), want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"size: 1048576\ninterval: 60s", "size: 1MiB\ninterval: '1m'"} {
		var got stream.Buffering
		if err := yaml.UnmarshalWithOptions([]byte(text), &got, yaml.Strict()); err != nil || got != want {
			t.Errorf("%s: got %+v (%v), want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{`{"size":1.5}`, `{"size":true}`, `{"size":{}}`, `{"interval":60}`, `{"interval":"60"}`} {
		var got stream.Buffering
		if err := json.Unmarshal([]byte(text), &got); err == nil || !strings.Contains(err.Error(), "write it as") {
			t.Errorf("JSON %s: got %v, want an error with an example", text, err)
		}
		if err := yaml.Unmarshal([]byte(text), &got); err == nil {
			t.Errorf("YAML %s: got no error", text)
		}
	}
}

func FuzzUnits(f *testing.F) {
	for _, seed := range []string{"64MiB", "1025B", "0", "1h0m5s", "60s", "1.5h", "-1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if want, err := stream.ParseSize(text); err == nil {
			if got, err := stream.ParseSize(want.String()); err != nil || got != want {
				t.Errorf("size %q: got %v (%v), want %v", text, got, err, want)
			}
		}
		if want, err := stream.ParseDuration(text); err == nil {
			if got, err := stream.ParseDuration(want.String()); err != nil || got != want {
				t.Errorf("duration %q: got %v (%v), want %v", text, got, err, want)
			}
		}
	})
}
