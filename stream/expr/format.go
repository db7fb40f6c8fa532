package expr

import (
	"math"
	"strconv"
	"time"
)

// append writes the field's text at a moment, in the zone of the moment. The names are those of that zone.
func (f field) append(dst []byte, at time.Time, names zoneNames) []byte {
	switch f.letter {
	case 'y', 'u', 'Y', 'Q', 'M', 'L', 'w', 'W', 'd', 'D', 'E', 'e':
		return f.appendDate(dst, at)
	case 'a', 'H', 'h', 'K', 'k', 'm', 's', 'S', 'n':
		return f.appendTime(dst, at)
	default:
		return f.appendZone(dst, at, names)
	}
}

func (f field) appendDate(dst []byte, at time.Time) []byte {
	switch f.letter {
	case 'y':
		return appendYear(dst, yearOfEra(at.Year()), f.count)
	case 'u':
		return appendYear(dst, at.Year(), f.count)
	case 'Y':
		year, _ := weekOfYear(at)
		return appendYear(dst, year, f.count)
	case 'Q':
		return appendQuarter(dst, (int(at.Month())+2)/3, f.count)
	case 'M', 'L':
		return appendMonth(dst, at.Month(), f.count)
	case 'w':
		_, week := weekOfYear(at)
		return appendPadded(dst, week, f.count)
	case 'W':
		return appendPadded(dst, weekOf(at.Day(), at.Weekday()), f.count)
	case 'd':
		return appendPadded(dst, at.Day(), f.count)
	case 'D':
		return appendPadded(dst, at.YearDay(), f.count)
	case 'e':
		if f.count <= 2 {
			return appendPadded(dst, int(at.Weekday())+1, f.count)
		}
	}
	return appendStyled(dst, at.Weekday().String(), max(f.count, 3))
}

func (f field) appendTime(dst []byte, at time.Time) []byte {
	switch f.letter {
	case 'a':
		if at.Hour() < 12 {
			return append(dst, "AM"...)
		}
		return append(dst, "PM"...)
	case 'H':
		return appendPadded(dst, at.Hour(), f.count)
	case 'h':
		return appendPadded(dst, (at.Hour()+11)%12+1, f.count)
	case 'K':
		return appendPadded(dst, at.Hour()%12, f.count)
	case 'k':
		return appendPadded(dst, (at.Hour()+23)%24+1, f.count)
	case 'm':
		return appendPadded(dst, at.Minute(), f.count)
	case 's':
		return appendPadded(dst, at.Second(), f.count)
	case 'S':
		const digits = 9
		start := len(dst)
		return appendPadded(dst, at.Nanosecond(), digits)[:start+f.count]
	default:
		return appendPadded(dst, at.Nanosecond(), f.count)
	}
}

func yearOfEra(year int) int {
	if year <= 0 {
		return 1 - year
	}
	return year
}

// appendYear prints a plus sign where a year outgrows a pattern of four letters or more, and the last two digits where
// there are two letters, as Java does.
func appendYear(dst []byte, year, count int) []byte {
	size := max(year, -year)
	switch {
	case count == 2:
		return appendPadded(dst, size%100, 2)
	case year < 0:
		dst = append(dst, '-')
	case count >= 4 && float64(year) >= math.Pow10(count):
		dst = append(dst, '+')
	}
	return appendPadded(dst, size, count)
}

func appendQuarter(dst []byte, quarter, count int) []byte {
	switch count {
	case 3:
		return append(dst, 'Q', '0'+byte(quarter))
	case 4:
		return append(dst, [...]string{"1st", "2nd", "3rd", "4th"}[quarter-1]+" quarter"...)
	case 5:
		return appendPadded(dst, quarter, 1)
	default:
		return appendPadded(dst, quarter, count)
	}
}

func appendMonth(dst []byte, month time.Month, count int) []byte {
	if count >= 3 {
		return appendStyled(dst, month.String(), count)
	}
	return appendPadded(dst, int(month), count)
}

// appendStyled writes a name in the style of its number of letters: short, full or narrow.
func appendStyled(dst []byte, name string, count int) []byte {
	switch count {
	case 3:
		name = name[:3]
	case 5:
		name = name[:1]
	}
	return append(dst, name...)
}

// weekOf is the week that the n-th day of a month or year lies in, where weeks begin on Sunday and the first may be short:
// the US locale's.
func weekOf(n int, weekday time.Weekday) int {
	return (n + 12 - int(weekday)) / 7 // the Saturday that ends the day's week is day n+6-weekday
}

// weekOfYear is the week-based year of a date and its week there. A week that reaches into the next year is that year's
// first.
func weekOfYear(at time.Time) (year, week int) {
	const days = 365
	saturday := at.YearDay() + int(time.Saturday-at.Weekday())
	if saturday > days && saturday > time.Date(at.Year(), time.December, 31, 0, 0, 0, 0, time.UTC).YearDay() {
		return at.Year() + 1, 1
	}
	return at.Year(), weekOf(at.YearDay(), at.Weekday())
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
