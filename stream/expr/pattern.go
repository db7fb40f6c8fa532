package expr

import (
	"fmt"
	"strings"
	"time"
)

// field is one piece of a timestamp pattern: a letter, repeated, or with letter 0 a literal text. The letters '[' and ']'
// are the borders of an optional section. The meaning is that of Java's DateTimeFormatter with the US locale, which is
// what Firehose's patterns are.
type field struct {
	letter byte
	count  int
	text   string
}

const (
	optionalStart = '['
	optionalEnd   = ']'
)

const day = 24 * time.Hour

// unlimited is more than a prefix may hold.
const unlimited = 1 << 20

// letters are the pattern letters of this implementation, with the most repeats that Java takes and how often the text
// changes. A zone's changes so rarely that it counts as a year.
var letters = map[byte]struct {
	most int
	unit time.Duration
}{
	'y': {19, 365 * day}, 'u': {19, 365 * day}, 'Y': {unlimited, 365 * day},
	'Q': {5, 90 * day}, 'M': {5, 28 * day}, 'L': {5, 28 * day},
	'w': {2, 7 * day}, 'W': {1, 7 * day},
	'd': {2, day}, 'D': {3, day}, 'E': {5, day}, 'e': {5, day},
	'a': {1, 12 * time.Hour},
	'H': {2, time.Hour}, 'h': {2, time.Hour}, 'K': {2, time.Hour}, 'k': {2, time.Hour},
	'm': {2, time.Minute}, 's': {2, time.Second},
	'S': {9, time.Millisecond}, 'n': {19, time.Millisecond},
	'z': {4, 365 * day}, 'V': {2, 365 * day}, 'Z': {5, 365 * day},
	'X': {5, 365 * day}, 'x': {5, 365 * day}, 'O': {4, 365 * day},
}

const supportedLetters = "y u Y Q M L w W d D E e a H h K k m s S n z V Z X x O"

// parsePattern compiles a pattern. Positions in errors count from 1. An optional section may be left open, as in Java.
func parsePattern(source string) ([]field, error) {
	var fields []field
	open := 0
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
		case c == optionalStart:
			fields = append(fields, field{letter: c})
			open++
		case c == optionalEnd:
			if open--; open < 0 {
				return nil, fmt.Errorf("the ']' at position %d has no '[' before it: write ']' in single quotes for the "+
					"character itself", i+1)
			}
			fields = append(fields, field{letter: c})
		case strings.IndexByte("{}#", c) >= 0:
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
	switch {
	case !known:
		return fmt.Errorf("the letter %q at position %d is not supported; supported are %s, optional sections in [ ] and "+
			"text in single quotes", c, position, supportedLetters)
	case count > letter.most:
		return fmt.Errorf("the letter %q at position %d is repeated %d times; Java's limit is %d", c, position, count,
			letter.most)
	case c == 'V' && count != 2:
		return fmt.Errorf("the letter 'V' at position %d must be written twice, VV", position)
	case c == 'O' && count != 1 && count != 4:
		return fmt.Errorf("the letter 'O' at position %d must be written once or four times", position)
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
