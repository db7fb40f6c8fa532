package expr_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"hydrant/stream/expr"
)

// TestEvaluatorForgets goes to and fro between instants around changes of offset and of units: what an evaluator kept of
// one never shows in another.
func TestEvaluatorForgets(t *testing.T) {
	var zones []*time.Location
	for _, name := range []string{"UTC", "Europe/Dublin", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns", "Pacific/Apia"} {
		zones = append(zones, location(t, name))
	}
	anchors := []time.Time{
		time.Date(2011, 12, 30, 10, 0, 0, 0, time.UTC), time.Date(2026, 4, 4, 15, 0, 0, 0, time.UTC), // Apia, Lord Howe
		time.Date(2026, 3, 8, 5, 31, 0, 0, time.UTC), time.Date(2044, 12, 31, 0, 0, 0, 0, time.UTC),
		time.Date(2025, 10, 26, 1, 0, 0, 0, time.UTC), time.Date(2024, 12, 29, 0, 0, 0, 0, time.UTC), time.UnixMilli(0),
	}
	timestamps := rapid.Custom(func(t *rapid.T) string {
		return "!{timestamp:" + rapid.StringMatching(`([yuYQMLwWdDEeaHhKkmsSnzZXxO]|VV| ){1,4}`).Draw(t, "pattern") + "}"
	}).Filter(func(source string) bool { // no letter may stand as often as any
		_, err := expr.Parse(source)
		return err == nil
	})
	rapid.Check(t, func(t *rapid.T) {
		source := timestamps.Draw(t, "source")
		zone := rapid.SampledFrom(zones).Draw(t, "zone")
		template, err := expr.Parse(source)
		if err != nil {
			t.Fatal(err)
		}
		kept := template.Evaluator(zone, "")
		for range 8 {
			span := rapid.SampledFrom([]time.Duration{time.Millisecond, time.Second, time.Minute, time.Hour, 40 * time.Hour}).Draw(t, "span")
			anchor := rapid.SampledFrom(anchors).Draw(t, "anchor")
			at := anchor.Add(span * time.Duration(rapid.IntRange(-60, 60).Draw(t, "steps"))).UnixMilli()
			want := string(template.Evaluator(zone, "").Append(nil, at, nil))
			if got := string(kept.Append(nil, at, nil)); got != want {
				t.Fatalf("%q at %d: got %q, want %q", source, at, got, want)
			}
		}
	})
}

// TestEvaluatorCrossesChangesOfOffset walks over them: no bucket holds times of both sides.
func TestEvaluatorCrossesChangesOfOffset(t *testing.T) {
	for name, change := range map[string]time.Time{
		"Europe/Dublin":       time.Date(2025, 10, 26, 1, 0, 0, 0, time.UTC),
		"America/St_Johns":    time.Date(2026, 3, 8, 5, 30, 0, 0, time.UTC),
		"Australia/Lord_Howe": time.Date(2026, 4, 4, 15, 0, 0, 0, time.UTC),
		"Pacific/Apia":        time.Date(2011, 12, 30, 10, 0, 0, 0, time.UTC),
	} {
		zone := location(t, name)
		for _, pattern := range []string{"dd XXX", "HH XXX", "mm z", "a"} {
			template := parse(t, "!{timestamp:"+pattern+"}")
			for _, step := range []time.Duration{7 * time.Minute, -7 * time.Minute} {
				kept := template.Evaluator(zone, "")
				for i := range 200 {
					at := change.Add(step * time.Duration(i-100)).UnixMilli()
					want := string(template.Evaluator(zone, "").Append(nil, at, nil))
					if got := string(kept.Append(nil, at, nil)); got != want {
						t.Fatalf("%s in %s at %d: got %q, want %q", pattern, name, at, got, want)
					}
				}
			}
		}
	}
}

func BenchmarkEvaluator(b *testing.B) {
	zone := location(b, "America/New_York")
	for _, bench := range []struct {
		name, source  string
		step, buckets int64
	}{
		{"hours, in order", "clicks/!{timestamp:yyyy/MM/dd/HH}/", 1, 1000},
		{"hours, a day by turns", "clicks/!{timestamp:yyyy/MM/dd/HH}/", 3600e3, 24},
		{"hours, a year by turns", "clicks/!{timestamp:yyyy/MM/dd/HH}/", 3600e3, 365 * 24},
		{"milliseconds, in order", "clicks/!{timestamp:HH:mm:ss.SSS}/", 1, 1e9},
		{"zone names, a day by turns", "clicks/!{timestamp:EEEE zzzz HH}/", 3600e3, 24},
	} {
		b.Run(bench.name, func(b *testing.B) {
			template, err := expr.Parse(bench.source)
			if err != nil {
				b.Fatal(err)
			}
			e := template.Evaluator(zone, "")
			var dst []byte
			b.ReportAllocs()
			for i := int64(0); b.Loop(); i++ {
				dst = e.Append(dst[:0], 1752244449123+i%bench.buckets*bench.step, nil)
			}
		})
	}
}
