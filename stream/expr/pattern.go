package expr

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// field is one piece of a timestamp pattern: a letter, repeated, or with letter 0 a literal text. The meaning is that of
// Java's DateTimeFormatter with the US locale, which is what Firehose's patterns are.
type field struct {
	letter byte
	count  int
	text   string
}

// letters are the pattern letters of this implementation, with the most repeats that Java takes.
var letters = map[byte]struct {
	most int
	unit time.Duration
}{
	'y': {19, 365 * 24 * time.Hour},
	'M': {5, 28 * 24 * time.Hour},
	'd': {2, 24 * time.Hour},
	'H': {2, time.Hour},
	'm': {2, time.Minute},
	's': {2, time.Second},
}

// hints answer the letters that people confuse with those they meant.
var hints = map[byte]string{
	'Y': "; Y is the week-based year, which differs from the calendar's around New Year: write y",
	'u': "; write y for the year",
	'L': "; write M for the month",
	'D': "; D is the day of the year: write d for the day of the month",
	'h': "; h is the hour of a half day: write H",
	'S': "; a prefix cannot be finer than a second",
}

// parsePattern compiles a pattern. Positions in errors count from 1.
func parsePattern(source string) ([]field, error) {
	var fields []field
	for i := 0; i < len(source); {
		c := source[i]
		end := i + 1
		switch {
		case c == '\'':
			text, next, err := quoted(source, i)
			if err != nil {
				return nil, err
			}
			fields, end = append(fields, field{text: text}), next
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
			for end < len(source) && source[end] == c {
				end++
			}
			if err := checkLetter(c, end-i, i+1); err != nil {
				return nil, err
			}
			fields = append(fields, field{letter: c, count: end - i})
		case strings.IndexByte("[]{}#", c) >= 0:
			return nil, fmt.Errorf("%q at position %d is reserved: write '%c' in single quotes for the character itself",
				c, i+1, c)
		default:
			fields = append(fields, field{text: source[i:end]})
		}
		i = end
	}
	return fields, nil
}

func checkLetter(c byte, count, position int) error {
	letter, known := letters[c]
	if !known {
		return fmt.Errorf("the letter %q at position %d is not supported; supported are y M d H m s, and text in "+
			"single quotes%s", c, position, hints[c])
	}
	if count > letter.most {
		return fmt.Errorf("the letter %q at position %d is repeated %d times; Java's limit is %d", c, position, count,
			letter.most)
	}
	return nil
}

// quoted returns the text of the quoted literal at i and the index behind it.
func quoted(source string, i int) (string, int, error) {
	for end := i + 1; end < len(source); end++ {
		if source[end] != '\'' {
			continue
		}
		if end+1 < len(source) && source[end+1] == '\'' {
			end++
			continue
		}
		text := strings.ReplaceAll(source[i+1:end], "''", "'")
		if text == "" {
			text = "'"
		}
		return text, end + 1, nil
	}
	return "", 0, fmt.Errorf("the quote at position %d is not closed; a quote itself is written ''", i+1)
}

func (f field) append(dst []byte, at time.Time) []byte {
	switch f.letter {
	case 'y':
		return appendYear(dst, at.Year(), f.count)
	case 'M':
		return appendMonth(dst, at.Month(), f.count)
	case 'd':
		return appendPadded(dst, at.Day(), f.count)
	case 'H':
		return appendPadded(dst, at.Hour(), f.count)
	case 'm':
		return appendPadded(dst, at.Minute(), f.count)
	default:
		return appendPadded(dst, at.Second(), f.count)
	}
}

// appendYear writes the year of the era. Java prints a plus sign where a year outgrows a pattern of four letters or
// more, and the last two digits where there are two letters.
func appendYear(dst []byte, year, count int) []byte {
	if year <= 0 {
		year = 1 - year
	}
	if count == 2 {
		return appendPadded(dst, year%100, 2)
	}
	if count >= 4 && float64(year) >= math.Pow10(count) {
		dst = append(dst, '+')
	}
	return appendPadded(dst, year, count)
}

func appendMonth(dst []byte, month time.Month, count int) []byte {
	switch count {
	case 3:
		return append(dst, month.String()[:3]...)
	case 4:
		return append(dst, month.String()...)
	case 5:
		return append(dst, month.String()[0])
	default:
		return appendPadded(dst, int(month), count)
	}
}

// appendPadded writes a value that is not negative with at least width digits.
func appendPadded(dst []byte, value, width int) []byte {
	var digits [20]byte
	text := strconv.AppendInt(digits[:0], int64(value), 10)
	for range width - len(text) {
		dst = append(dst, '0')
	}
	return append(dst, text...)
}
