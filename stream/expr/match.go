package expr

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Matching is a regular expression for what the template evaluates to, as narrow as can be told without a moment or a record:
// of a field of time what it may print, of a zone or a key anything. The error output type is what errorType matches.
func (t *Template) Matching(errorType string) string {
	var pattern strings.Builder
	for _, p := range t.parts {
		switch p.kind {
		case literalPart:
			pattern.WriteString(regexp.QuoteMeta(p.text))
		case timePart:
			pattern.WriteString(p.field.matching())
		case errorTypePart:
			pattern.WriteString(errorType)
		case randomPart:
			fmt.Fprintf(&pattern, `[0-9A-Za-z_-]{%d}`, len(RandomString))
		default:
			pattern.WriteString(`.*`)
		}
	}
	return pattern.String()
}

// matching takes the years for those before 10000.
func (f field) matching() string {
	switch f.letter {
	case 'y', 'u', 'Y':
		if f.count == 1 || f.count == 3 {
			return fmt.Sprintf(`[0-9]{%d,4}`, f.count)
		}
		return fmt.Sprintf(`[0-9]{%d}`, f.count)
	case 'S':
		return fmt.Sprintf(`[0-9]{%d}`, f.count)
	case 'n':
		return fmt.Sprintf(`[0-9]{%d,}`, f.count)
	case 'z', 'V', 'Z', 'X', 'x', 'O':
		return `.*`
	}
	return `(?:` + strings.Join(f.texts(), `|`) + `)`
}

// texts are all that a field prints which comes again within a year. The calendar repeats itself every 28 years.
func (f field) texts() []string {
	texts := map[string]bool{}
	for n := range 28 * 366 {
		texts[string(f.append(nil, time.Date(2000, time.January, 1+n, n%24, n%60, n%60, 0, time.UTC), zoneNames{}))] = true
	}
	return slices.Sorted(maps.Keys(texts))
}
