package expr

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// timePattern is a Java pattern made for reading. Its elements take the text from left to right, each as Java's strict
// parser does.
type timePattern []element

// element is one piece of a timePattern.
type element struct {
	kind    elementKind
	field   timeField
	literal string
	names   []string // what a text may be, in the order of its values
	first   int64    // value of the first name

	least, most int // digits of a number
	sign        signStyle
	subsequent  int // digits of the fixed numbers that follow without a gap; they are left to those

	offset   offsetForm
	elements timePattern // of an optional section
}

type elementKind byte

const (
	literalElement elementKind = iota
	numberElement
	reducedElement // a year of two digits, from 2000
	fractionElement
	textElement
	offsetElement
	sectionElement
)

// signStyle is which signs a number may have.
type signStyle byte

const (
	signNone    signStyle = iota
	signMinus             // a minus
	signExceeds           // a minus; and a plus exactly where there are more digits than asked for
)

const readableLetters = "y u M L d D E a H h K k m s S n X x Z"

var (
	monthNames   = namesOfMonths()
	shortMonths  = shortened(monthNames)
	dayNames     = namesOfDays()
	shortDays    = shortened(dayNames)
	halfDayNames = []string{"AM", "PM"}
)

// longestTimePattern bounds, in bytes, how deep sections may be nested.
const longestTimePattern = 1024

// parseTimePattern compiles a pattern for reading.
func parseTimePattern(source string) (timePattern, error) {
	if size := len(source); size > longestTimePattern {
		return nil, fmt.Errorf("it has %d bytes; the limit is %d", size, longestTimePattern)
	}
	fields, err := parsePattern(source)
	if err != nil {
		return nil, err
	}
	if err := checkReadable(fields); err != nil {
		return nil, err
	}
	pattern, _ := compileSection(fields)
	return pattern, nil
}

// checkReadable refuses letters that do not tell when, and patterns that never give a date and a time.
func checkReadable(fields []field) error {
	has := map[byte]bool{}
	for _, f := range fields {
		if f.letter == 0 || f.letter == optionalStart || f.letter == optionalEnd {
			continue
		}
		if err := checkReadableLetter(f); err != nil {
			return err
		}
		has[f.letter] = true
	}
	return checkGives(has)
}

func checkReadableLetter(f field) error {
	_, known := letterFields[f.letter]
	switch {
	case !known && strings.IndexByte("SXxZ", f.letter) < 0:
		return fmt.Errorf("the letter %q cannot be read; supported are %s", f.letter, readableLetters)
	case f.count == 5 && strings.IndexByte("MLE", f.letter) >= 0, f.count == 4 && f.letter == 'Z':
		return fmt.Errorf("the letter %q cannot be read where it is repeated %d times", f.letter, f.count)
	}
	return nil
}

// checkGives refuses letters that together give no date, or no hour where something tells of the time of day.
func checkGives(has map[byte]bool) error {
	hour := has['H'] || has['k'] || (has['h'] || has['K']) && has['a']
	minute, second := hour && has['m'], hour && has['m'] && has['s']
	switch {
	case !has['y'] && !has['u'], !has['D'] && !has['d'], !has['D'] && !has['M'] && !has['L']:
		return errors.New("it gives no date: write y, and M and d, or D")
	case !hour && (has['h'] || has['K'] || has['a']):
		return errors.New("it gives no hour: write H, or h and a")
	case has['m'] && !hour, has['s'] && !minute, (has['S'] || has['n']) && !second:
		return errors.New("it gives no time of day: what is finer needs what is coarser, of H, m and s")
	}
	return nil
}

// compileSection returns the elements up to the end of an optional section, and the fields behind it. It recurses as deep
// as sections are nested.
func compileSection(fields []field) (timePattern, []field) {
	var pattern timePattern
	base := -1 // the number that adjacent ones follow
	for len(fields) > 0 {
		f := fields[0]
		fields = fields[1:]
		switch f.letter {
		case optionalEnd:
			return pattern, fields
		case optionalStart:
			section := element{kind: sectionElement}
			section.elements, fields = compileSection(fields)
			pattern, base = append(pattern, section), -1
			continue
		}
		e := elementOf(f)
		if e.most == 0 {
			pattern, base = append(pattern, e), -1
			continue
		}
		if fixed := e.least == e.most && e.sign == signNone; base >= 0 && fixed {
			pattern[base].subsequent += e.most
		} else {
			base = len(pattern)
		}
		pattern = append(pattern, e)
	}
	return pattern, nil
}

func elementOf(f field) element {
	const digits = 19
	e := element{kind: numberElement, field: letterFields[f.letter], least: f.count, most: digits}
	switch f.letter {
	case 0:
		return element{kind: literalElement, literal: f.text}
	case 'X', 'x', 'Z':
		return element{kind: offsetElement, field: offsetField, offset: offsetFormOf(f.letter, f.count)}
	case 'a':
		return element{kind: textElement, field: e.field, names: halfDayNames}
	case 'E':
		return element{kind: textElement, field: e.field, names: pick(f.count, shortDays, dayNames), first: 1}
	case 'S':
		return element{kind: fractionElement, field: nanoField, least: f.count, most: f.count}
	case 'n':
		return e
	case 'y', 'u':
		return yearElement(e)
	case 'M', 'L':
		if f.count > 2 {
			return element{kind: textElement, field: e.field, names: pick(f.count, shortMonths, monthNames), first: 1}
		}
	}
	switch {
	case f.count == 1:
		e.sign = signMinus
	case f.letter == 'D':
		e.most = 3
	default:
		e.most = f.count
	}
	return e
}

func yearElement(e element) element {
	switch {
	case e.least == 2:
		e.kind, e.most = reducedElement, 2
	case e.least < 4:
		e.sign = signMinus
	default:
		e.sign = signExceeds
	}
	return e
}

func pick(count int, short, full []string) []string {
	if count == 4 {
		return full
	}
	return short
}

func namesOfMonths() (names []string) {
	for month := time.January; month <= time.December; month++ {
		names = append(names, month.String())
	}
	return names
}

// namesOfDays begins on Monday, as ISO's numbers of days do.
func namesOfDays() (names []string) {
	for day := range 7 {
		names = append(names, time.Weekday((day+1)%7).String())
	}
	return names
}

func shortened(names []string) (short []string) {
	for _, name := range names {
		short = append(short, name[:3])
	}
	return short
}
