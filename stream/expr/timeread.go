package expr

// timeField is what a letter of a pattern tells.
type timeField byte

const (
	eraYearField timeField = iota
	yearField
	monthField
	dayField
	yearDayField
	weekdayField
	halfDayField
	hourField
	clockHourField     // 1 to 24
	halfHourField      // 0 to 11
	halfClockHourField // 1 to 12
	minuteField
	secondField
	nanoField
	offsetField
	timeFields
)

var letterFields = map[byte]timeField{
	'y': eraYearField, 'u': yearField, 'M': monthField, 'L': monthField, 'd': dayField, 'D': yearDayField,
	'E': weekdayField, 'a': halfDayField, 'H': hourField, 'k': clockHourField, 'K': halfHourField,
	'h': halfClockHourField, 'm': minuteField, 's': secondField, 'n': nanoField,
}

// timeValues are the fields that were read.
type timeValues struct {
	is    [timeFields]bool
	value [timeFields]int64
}

// set notes a value; one that contradicts an earlier one is refused.
func (v *timeValues) set(field timeField, value int64) bool {
	if v.is[field] {
		return v.value[field] == value
	}
	v.is[field], v.value[field] = true, value
	return true
}

// match reads the text from i on and returns the index behind what it took; values are those of the pattern. It recurses
// as deep as sections are nested.
func (p timePattern) match(text []byte, i int, values *timeValues) (int, bool) {
	for k := range p {
		e := &p[k]
		ok := true
		switch e.kind {
		case literalElement:
			ok = startsWith(text, i, e.literal)
			i += len(e.literal)
		case textElement:
			i, ok = e.matchText(text, i, values)
		case offsetElement:
			i, ok = e.matchOffset(text, i, values)
		case fractionElement:
			i, ok = e.matchFraction(text, i, values)
		case sectionElement:
			kept := *values
			if end, matched := e.elements.match(text, i, values); matched {
				i = end
			} else {
				*values = kept
			}
		default:
			i, ok = e.matchNumber(text, i, values)
		}
		if !ok {
			return i, false
		}
	}
	return i, true
}

func (e *element) matchText(text []byte, i int, values *timeValues) (int, bool) {
	for k, name := range e.names {
		if startsWith(text, i, name) {
			return i + len(name), values.set(e.field, e.first+int64(k))
		}
	}
	return i, false
}

func (e *element) matchFraction(text []byte, i int, values *timeValues) (int, bool) {
	nanos, unit := int64(0), int64(100_000_000)
	end := i + e.most
	if digits(text[:min(end, len(text))], i) != end {
		return i, false
	}
	for ; i < end; i, unit = i+1, unit/10 {
		nanos += int64(text[i]-'0') * unit
	}
	return end, values.set(e.field, nanos)
}

func (e *element) matchNumber(text []byte, i int, values *timeValues) (int, bool) {
	i, sign := e.matchSign(text, i)
	end := digits(text[:min(i+e.most+e.subsequent, len(text))], i)
	if e.subsequent > 0 {
		end = min(end, i+max(e.least, end-i-e.subsequent))
	}
	size := end - i
	switch {
	case size < e.least,
		e.sign == signExceeds && sign == '+' && size <= e.least,
		e.sign == signExceeds && sign == 0 && size > e.least:
		return i, false
	}
	value, _ := readDecimal(text[i:end], 0)
	if sign == '-' {
		value = -value
	}
	if e.kind == reducedElement {
		value += 2000
	}
	return end, values.set(e.field, value) && (sign != '-' || value != 0)
}

// matchSign passes the sign, if the number may have it.
func (e *element) matchSign(text []byte, i int) (int, byte) {
	if i < len(text) && (text[i] == '-' && e.sign != signNone || text[i] == '+' && e.sign == signExceeds) {
		return i + 1, text[i]
	}
	return i, 0
}

// matchOffset reads an offset. What stands for none is tried first, so +00 ends +0030 for a single x, as in Java.
func (e *element) matchOffset(text []byte, i int, values *timeValues) (int, bool) {
	if startsWith(text, i, e.offset.zero) {
		return i + len(e.offset.zero), values.set(e.field, 0)
	}
	if i == len(text) || text[i] != '+' && text[i] != '-' {
		return i, false
	}
	sign := int64('+' + 1 - int(text[i])) // 1 for a plus, -1 for a minus
	hours, ok := twoDigits(text, i+1)
	if !ok || hours > 23 {
		return i, false
	}
	minutes, end, ok := e.matchPart(text, i+3)
	if !ok && e.offset.minutes {
		return i, false
	}
	seconds := 0
	if e.offset.seconds {
		seconds, end, _ = e.matchPart(text, end)
	}
	return end, values.set(e.field, sign*int64(hours*3600+minutes*60+seconds))
}

// matchPart reads minutes or seconds of an offset, with the colon where the form has it.
func (e *element) matchPart(text []byte, i int) (value, end int, ok bool) {
	start := i
	if e.offset.colon {
		if i == len(text) || text[i] != ':' {
			return 0, start, false
		}
		i++
	}
	value, ok = twoDigits(text, i)
	if !ok || value > 59 {
		return 0, start, false
	}
	return value, i + 2, true
}

func startsWith(text []byte, i int, prefix string) bool {
	return len(text)-i >= len(prefix) && string(text[i:i+len(prefix)]) == prefix
}
