package expr

import (
	"errors"
	"fmt"
	"time"
)

// TimeFormat reads times that records hold. It is immutable and may be shared by many goroutines. Reading allocates
// nothing where it succeeds, and depends on nothing but the text, the format and the zone.
type TimeFormat struct {
	read     func(text []byte) (unixMilli int64, ok bool)
	mismatch error
}

// The years that event times are taken from: 1 to 9999, in UTC.
const (
	firstMilli = -62135596800000
	lastMilli  = 253402300799999
)

var errYears = errors.New("is not within the years 1 to 9999")

// ParseTimeFormat compiles a format: rfc3339; epoch_s or epoch_ms, for a number since 1970, which may have a fraction and
// an exponent; or a Java pattern. Times without an offset are told in zone. What is finer than a millisecond is cut off.
func ParseTimeFormat(source string, zone *time.Location) (*TimeFormat, error) {
	f := &TimeFormat{mismatch: fmt.Errorf("does not have the format %s", source)}
	switch source {
	case "rfc3339":
		f.read = readRFC3339
	case "epoch_s":
		f.read = func(text []byte) (int64, bool) { return readDecimal(text, 3) }
	case "epoch_ms":
		f.read = func(text []byte) (int64, bool) { return readDecimal(text, 0) }
	default:
		pattern, err := parseTimePattern(source)
		if err != nil {
			return nil, fmt.Errorf("the format is rfc3339, epoch_s, epoch_ms or a Java pattern, and %q is none: %w", source, err)
		}
		f.read = func(text []byte) (int64, bool) { return pattern.read(text, zone) }
	}
	return f, nil
}

// Read returns the time in Unix milliseconds. The error reads on from the name of what was read: "does not have ...".
func (f *TimeFormat) Read(text []byte) (int64, error) {
	unixMilli, ok := f.read(text)
	switch {
	case !ok:
		return 0, f.mismatch
	case unixMilli < firstMilli || unixMilli > lastMilli:
		return 0, errYears
	}
	return unixMilli, nil
}

// readRFC3339 takes the profile of RFC 3339, with T and Z in either case or a space for the T, and without leap seconds.
func readRFC3339(text []byte) (int64, bool) {
	const shortest = len("2006-01-02T15:04:05Z")
	if len(text) < shortest || text[4] != '-' || text[7] != '-' || text[13] != ':' || text[16] != ':' ||
		text[10] != ' ' && text[10]|0x20 != 't' {
		return 0, false
	}
	var parts [7]int
	for i, at := range [...]int{0, 2, 5, 8, 11, 14, 17} {
		value, ok := twoDigits(text, at)
		if !ok {
			return 0, false
		}
		parts[i] = value
	}
	year, month, day := parts[0]*100+parts[1], time.Month(parts[2]), parts[3]
	hour, minute, second := parts[4], parts[5], parts[6]
	if month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	nanos, rest, ok := readFraction(text[19:])
	if !ok {
		return 0, false
	}
	offset, ok := readOffset(rest)
	at := time.Date(year, month, day, hour, minute, second, nanos, time.UTC)
	return at.UnixMilli() - int64(offset)*1000, ok
}

// readFraction reads a point and digits, if there are any. Digits behind the ninth count for nothing.
func readFraction(text []byte) (nanos int, rest []byte, ok bool) {
	if text[0] != '.' {
		return 0, text, true
	}
	end := digits(text, 1)
	for i, unit := 1, 100_000_000; i < end; i, unit = i+1, unit/10 {
		nanos += int(text[i]-'0') * unit
	}
	return nanos, text[end:], end > 1
}

// readOffset reads Z or +01:00, and nothing more, in seconds.
func readOffset(text []byte) (int, bool) {
	if len(text) == 1 {
		return 0, text[0]|0x20 == 'z'
	}
	if len(text) != len("+01:00") || text[3] != ':' {
		return 0, false
	}
	hours, ok := twoDigits(text, 1)
	minutes, okay := twoDigits(text, 4)
	offset := hours*3600 + minutes*60
	if text[0] == '-' {
		offset = -offset
	}
	return offset, ok && okay && hours <= 23 && minutes <= 59 && (text[0] == '+' || text[0] == '-')
}

func twoDigits(text []byte, i int) (int, bool) {
	if i+2 > len(text) || !isDigit(text[i]) || !isDigit(text[i+1]) {
		return 0, false
	}
	return int(text[i]-'0')*10 + int(text[i+1]-'0'), true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// daysIn is the length of a month.
func daysIn(year int, month time.Month) int {
	return time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
}
