package stream

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Size is a number of bytes, written as 64MiB. A number without a unit is bytes.
type Size int64

// The units of Size, which are also its sizes as text.
const (
	KiB Size = 1 << 10
	MiB Size = 1 << 20
	GiB Size = 1 << 30
	TiB Size = 1 << 40
)

var sizeUnits = []struct {
	suffix string
	size   Size
}{{"TiB", TiB}, {"GiB", GiB}, {"MiB", MiB}, {"KiB", KiB}, {"B", 1}}

// ParseSize reads what String wrote, and every whole number of B, KiB, MiB, GiB or TiB.
func ParseSize(text string) (Size, error) {
	number, unit := text, Size(1)
	for _, u := range sizeUnits {
		if before, found := strings.CutSuffix(text, u.suffix); found {
			number, unit = before, u.size
			break
		}
	}
	value, err := strconv.ParseUint(number, 10, 63)
	if err != nil {
		return 0, fmt.Errorf("the size %q is not a whole number of B, KiB, MiB, GiB or TiB: write it as 64MiB", text)
	}
	if value > uint64(math.MaxInt64/unit) {
		return 0, fmt.Errorf("the size %q is beyond 2^63 bytes: write it as 64MiB", text)
	}
	return Size(value) * unit, nil
}

// String is the size in the largest unit that gives a whole number: 64MiB, 1000KiB, or 1025 for a number of bytes.
func (s Size) String() string {
	for _, u := range sizeUnits {
		if s != 0 && s%u.size == 0 && u.size > 1 {
			return strconv.FormatInt(int64(s/u.size), 10) + u.suffix
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// Words is the size for people: String, and "bytes" where that has no unit.
func (s Size) Words() string {
	if s%KiB != 0 {
		return s.String() + " bytes"
	}
	return s.String()
}

// MarshalText is String.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText is ParseSize.
func (s *Size) UnmarshalText(text []byte) (err error) {
	*s, err = ParseSize(string(text))
	return err
}

// UnmarshalJSON takes a string or a number of bytes.
func (s *Size) UnmarshalJSON(data []byte) error { return unmarshalJSON(data, s.UnmarshalText) }

// Duration is a length of time, written as 60s, 5m or 1h30m. The unit is never left out.
type Duration time.Duration

// ParseDuration reads what String wrote, and every other form of time.ParseDuration that is not negative.
func ParseDuration(text string) (Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("the duration %q is not a number with a unit: write it as 60s, 5m or 1h30m", text)
	}
	if d < 0 {
		return 0, fmt.Errorf("the duration %q is negative: write it as 60s, 5m or 1h30m", text)
	}
	return Duration(d), nil
}

// String is the shortest form without units of zero: 60s is 1m, 90s is 1m30s.
func (d Duration) String() string {
	text := time.Duration(d).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// MarshalText is String.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText is ParseDuration.
func (d *Duration) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDuration(string(text))
	return err
}

// UnmarshalJSON takes a string.
func (d *Duration) UnmarshalJSON(data []byte) error { return unmarshalJSON(data, d.UnmarshalText) }

// unmarshalJSON hands over a string's text, and the JSON of anything else, so that every error shows an example.
func unmarshalJSON(data []byte, unmarshalText func([]byte) error) error {
	if string(data) == "null" {
		return nil
	}
	if data[0] != '"' {
		return unmarshalText(data)
	}
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	return unmarshalText([]byte(text))
}
