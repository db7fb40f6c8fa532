package expr_test

import (
	"math/big"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hydrant/stream"
	"hydrant/stream/expr"
)

func TestReadTimes(t *testing.T) {
	const at = 1752244449123 // 2025-07-11T14:34:09.123Z
	for _, test := range []struct {
		format, text string
		want         int64
	}{
		{"rfc3339", "2025-07-11T14:34:09.123Z", at},
		{"rfc3339", "2025-07-11t16:34:09.123999+02:00", at},
		{"rfc3339", "2025-07-11 09:04:09.1239-05:30", at},
		{"rfc3339", "1969-12-31T23:59:59.9999Z", -1},
		{"rfc3339", "0001-01-01T00:00:00Z", -62135596800000},
		{"epoch_s", "1752244449", at - 123},
		{"epoch_s", "1752244449.123", at},
		{"epoch_s", "1.7522444491239e9", at},
		{"epoch_s", "-0.0001", -1},
		{"epoch_ms", "1752244449123", at},
		{"epoch_ms", "1752244449123.999", at},
		{"epoch_ms", "17522444491230000000000000E-13", at},
		{"yyyy-MM-dd HH:mm:ss", "2025-07-11 16:34:09", at - 123},
		{"yyyy-MM-dd HH:mm:ss", "2025-03-30 02:30:00", 1743298200000}, // skipped: 03:30
		{"yyyy-MM-dd HH:mm:ss", "2025-10-26 02:30:00", 1761438600000}, // twice: the first
		{"yyyyMMddHHmmssSSSX", "20250711143409123Z", at},
		{"dd/MMM/yyyy:HH:mm:ss Z", "11/Jul/2025:14:34:09 +0000", at - 123}, // of web servers' logs
		{"yyyy-MM-dd'T'HH:mm:ss[.SSS]XXX", "2025-07-11T14:34:09Z", at - 123},
		{"yyyy-MM-dd", "2025-07-11", 1752184800000},
		{"yyyy-MM-dd HH", "2025-07-11 24", 1752271200000},
		{"[yy-MM-dd'x']dd-MM-yy", "11-07-25", 1752184800000},
		{"yyyy-MM-dd", "2025-02-31", 1740697200000},
	} {
		if got, err := timeFormat(t, test.format).Read([]byte(test.text)); err != nil || got != test.want {
			t.Errorf("%s, %s: got %d (%v), want %d", test.format, test.text, got, err, test.want)
		}
	}
}

func TestTimesThatDoNotFit(t *testing.T) {
	for format, texts := range map[string][]string{
		"rfc3339": {
			"", "x", "2025-07-11", "2025-07-11T14:34:09", "2025-07-11T14:34:09.Z", "2025-02-29T00:00:00Z", "2025-13-01T00:00:00Z",
			"2025-07-11T24:00:00Z", "2025-07-11T23:59:60Z", "2025-07-11T14:34:09+0200", "2025-07-11T14:34:09Zx", "2025-07-11T14:34:09.1",
			"2025-07-11T14:34:09+24:00", "2025-07-11T14:34:09+02:60", "2025-07-11x14:34:09Z", "2025-07-11T14:34:0９Z",
		},
		"epoch_s":  {"", "-", ".", "1.", ".5", "1e", "1e+", "e5", "0x10", " 1", "1 ", "true", "--1", "+1", "1_0"},
		"epoch_ms": {"", "2025-07-11T14:34:09Z"},
		"yyyyMMdd": {"", "2025711", "20250711x", "20251301", "99999999999999999999990711", "-0000711"},
		"yyyy-MM-dd HH:mm": {
			"2025-07-11 12:60", "2025-07-11 25:00", "2025-07-11T12:00", "2025-07-32 12:00", "2025-7-11 12:00", "25-07-11 12:00",
		},
		"EEE yyyy-MM-dd": {"Thu 2025-07-11", "fri 2025-07-11", "Friday 2025-07-11"},
	} {
		for _, text := range texts {
			_, err := timeFormat(t, format).Read([]byte(text))
			if err == nil || err.Error() != "does not have the format "+format {
				t.Errorf("%s, %q: got %v, want that it does not have the format", format, text, err)
			}
		}
	}
	for format, texts := range map[string][]string{
		"rfc3339":  {"0000-12-31T23:59:59Z", "9999-12-31T23:59:59-00:01"},
		"epoch_s":  {"253402300800", "-62135596800.001", "1e30", "-1e999999999", "1752244449123"},
		"epoch_ms": {"99999999999999999999999999", "1752244449123000"},
		"y-MM-dd":  {"10001-01-01", "999999999-01-01", "0001-01-01"},
	} {
		for _, text := range texts {
			if _, err := timeFormat(t, format).Read([]byte(text)); err == nil || err.Error() != "is not within the years 1 to 9999" {
				t.Errorf("%s, %q: got %v, want that it is beyond the years", format, text, err)
			}
		}
	}
}

func TestParseTimeFormatRefuses(t *testing.T) {
	for _, test := range []struct{ format, want string }{
		{"", "it gives no date"},
		{"epoch", "rfc3339, epoch_s, epoch_ms or a Java pattern"},
		{"epoch_us", "the letter 'p' at position 2"},
		{"yyyy-MM-dd e", "'e' cannot be read"},
		{"RFC3339", "'R' at position 1 is not supported"},
		{"yyyy-MM", "it gives no date"},
		{"HH:mm", "it gives no date"},
		{"YYYY-MM-dd", "'Y' cannot be read; supported are y u M L d D"},
		{"yyyy-MM-dd z", "'z' cannot be read"},
		{"yyyy-MM-dd VV", "'V' cannot be read"},
		{"yyyy-MM-dd ZZZZ", "'Z' cannot be read where it is repeated 4 times"},
		{"yyyy-MMMMM-dd", "'M' cannot be read where it is repeated 5 times"},
		{"yyyy-MM-dd hh:mm", "it gives no hour"},
		{"yyyy-MM-dd a", "it gives no hour"},
		{"yyyy-MM-dd mm", "it gives no time of day"},
		{"yyyy-MM-dd HH:ss", "it gives no time of day"},
		{"yyyy-MM-dd HH:mm.SSS", "it gives no time of day"},
		{"yyyy-MM-dd'", "the quote at position 11 is not closed"},
		{"yyyy-MM-dd HHH", "Java's limit is 2"},
		{"yyyy-MM-dd" + strings.Repeat("[", 1015), "it has 1025 bytes; the limit is 1024"},
	} {
		if _, err := expr.ParseTimeFormat(test.format, time.UTC); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want an error with %q", test.format, err, test.want)
		}
	}
}

// TestEpochsAreExact compares with arithmetic that has no limits.
func TestEpochsAreExact(t *testing.T) {
	format := timeFormat(t, "epoch_s")
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`-?[0-9]{1,22}(\.[0-9]{1,22})?([eE][+-]?[0-9]{1,2})?`).Draw(t, "number")
		number, ok := new(big.Rat).SetString(text)
		if !ok {
			t.Fatalf("%s is no number", text)
		}
		number.Mul(number, big.NewRat(1000, 1))
		want := new(big.Int).Div(number.Num(), number.Denom()) // rounds to the past
		got, err := format.Read([]byte(text))
		if !want.IsInt64() || want.Int64() < -62135596800000 || want.Int64() > 253402300799999 {
			if err == nil {
				t.Fatalf("got %d, want an error", got)
			}
		} else if err != nil || got != want.Int64() {
			t.Fatalf("got %d (%v), want %d", got, err, want)
		}
	})
}

// TestTimesRoundTrip writes instants as their format says and reads them back.
func TestTimesRoundTrip(t *testing.T) {
	formats := []string{
		"yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "yyyyMMddHHmmssSSSx", "uuuu-D hh:mm:ss.nnnnnnnnn a ZZZZZ", "EEEE, d LLLL y kk:m:s.SSS XXXXX",
	}
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.Int64Range(-2208988800000, 253370764800000).Draw(t, "at") // 1900 to 9998
		format := rapid.SampledFrom(formats).Draw(t, "format")
		template, err := expr.Parse("!{timestamp:" + format + "}")
		if err != nil {
			t.Fatal(err)
		}
		text := template.Evaluator(time.UTC, "").Append(nil, want, nil)
		if got, err := timeFormat(t, format).Read(text); err != nil || got != want {
			t.Fatalf("%s: got %d (%v), want %d", text, got, err, want)
		}
	})
}

func TestReadingTimesDoesNotAllocate(t *testing.T) {
	for format, text := range map[string]string{
		"rfc3339": "2025-07-11T14:34:09.123+02:00", "epoch_s": "1752244449.123", "yyyy-MM-dd[ HH:mm:ss[.SSS]]": "2025-07-11 14:34:09",
		"EEEE, d MMMM yyyy HH:mm:ss XXX": "Friday, 11 July 2025 14:34:09 +02:00",
	} {
		f, data := timeFormat(t, format), []byte(text)
		var err error
		if got := testing.AllocsPerRun(100, func() { _, err = f.Read(data) }); got != 0 || err != nil {
			t.Errorf("%s: got %v allocations (%v), want none", format, got, err)
		}
	}
}

// FuzzTimeFormat checks that whatever compiles reads any text, and reads nothing but what lies in the years promised; and
// that RFC 3339 is what package time takes for it.
func FuzzTimeFormat(f *testing.F) {
	f.Add("rfc3339", "2025-07-11T14:34:09.123+02:00")
	f.Add("epoch_s", "-1.5e9")
	f.Add("yyyyMMdd[[HHmm]ssSSS]X", "20250711143409123+02")
	f.Add("EEE u/LLLL/d hh a", "Fri 2025/July/11 12 AM")
	f.Fuzz(func(t *testing.T, source, text string) {
		format, err := expr.ParseTimeFormat(source, time.UTC)
		if err != nil {
			return
		}
		got, err := format.Read([]byte(text))
		if err == nil && (got < -62135596800000 || got > 253402300799999) {
			t.Errorf("%s, %q: got %d, beyond the years", source, text, got)
		}
		if want, wantErr := time.Parse(time.RFC3339Nano, text); source == "rfc3339" && wantErr == nil && want.Year() > 0 &&
			want.UTC().Year() > 0 && want.UTC().Year() < 10000 && !strings.Contains(text, ",") && (err != nil || got != want.UnixMilli()) {
			t.Errorf("%q: got %d (%v), want %d", text, got, err, want.UnixMilli())
		}
	})
}

func BenchmarkTimeFormat(b *testing.B) {
	for format, text := range map[string]string{
		"rfc3339": "2025-07-11T14:34:09.123Z", "epoch_ms": strconv.Itoa(1752244449123), "yyyy-MM-dd HH:mm:ss.SSS": "2025-07-11 14:34:09.123",
	} {
		b.Run(format, func(b *testing.B) {
			f, data := timeFormat(b, format), []byte(text)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := f.Read(data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// timeFormat compiles a format with the zone of Berlin.
func timeFormat(t rapid.TB, source string) *expr.TimeFormat {
	t.Helper()
	zone, err := stream.LoadZone("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	format, err := expr.ParseTimeFormat(source, zone)
	if err != nil {
		t.Fatal(err)
	}
	return format
}
