package expr

// tooLarge is past any number that readDecimal is asked for.
const tooLarge = int64(1) << 62

// readDecimal returns the largest whole number that is not above text times 10^shift, where text is a number as in JSON,
// leading zeros allowed. It is exact: no binary fraction comes between. A number of more than 2^62 comes back as that.
func readDecimal(text []byte, shift int) (int64, bool) {
	negative := len(text) > 0 && text[0] == '-'
	if negative {
		text = text[1:]
	}
	d := decimal{scale: shift}
	whole := digits(text, 0)
	d.add(text[:whole], 0)
	rest := text[whole:]
	if len(rest) > 0 && rest[0] == '.' {
		end := digits(rest, 1)
		d.add(rest[1:end], -1)
		if rest = rest[end:]; end == 1 {
			return 0, false
		}
	}
	exponent, ok := readExponent(rest)
	d.scale += exponent
	return d.floor(negative), ok && whole > 0
}

// readExponent reads what is left of a number; values beyond a million stand for all larger ones.
func readExponent(text []byte) (int, bool) {
	if len(text) == 0 {
		return 0, true
	}
	if text[0]|0x20 != 'e' {
		return 0, false
	}
	text = text[1:]
	negative := len(text) > 0 && text[0] == '-'
	if negative || len(text) > 0 && text[0] == '+' {
		text = text[1:]
	}
	exponent := 0
	for _, c := range text[:digits(text, 0)] {
		exponent = min(exponent*10+int(c-'0'), 1_000_000)
	}
	if negative {
		exponent = -exponent
	}
	return exponent, len(text) > 0 && digits(text, 0) == len(text)
}

// decimal is mantissa times 10^scale, and a little more where rest says so.
type decimal struct {
	mantissa int64
	scale    int
	rest     bool
}

// add appends digits, each of which changes the scale by step.
func (d *decimal) add(digits []byte, step int) {
	const most = 100_000_000_000_000_000
	for _, c := range digits {
		if d.mantissa < most {
			d.mantissa = d.mantissa*10 + int64(c-'0')
			d.scale += step
			continue
		}
		d.rest = d.rest || c != '0'
		d.scale += step + 1
	}
}

func (d *decimal) floor(negative bool) int64 {
	for ; d.scale > 0 && d.mantissa > 0; d.scale-- {
		if d.mantissa >= tooLarge/10 {
			d.mantissa = tooLarge
			break
		}
		d.mantissa *= 10
	}
	for ; d.scale < 0 && d.mantissa > 0; d.scale++ {
		d.rest = d.rest || d.mantissa%10 != 0
		d.mantissa /= 10
	}
	switch {
	case negative && d.rest:
		return -d.mantissa - 1
	case negative:
		return -d.mantissa
	}
	return d.mantissa
}
