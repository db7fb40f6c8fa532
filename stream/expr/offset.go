package expr

// offsetForm is how an offset from UTC is written.
type offsetForm struct {
	zero    string // what stands for no offset
	colon   bool
	minutes bool // also where they are zero
	seconds bool // where they are not zero
}

// offsetFormOf is the form of the letters X x Z, but for ZZZZ.
func offsetFormOf(letter byte, count int) offsetForm {
	form := offsetForm{zero: "Z", colon: count == 3 || count == 5, minutes: count > 1, seconds: count > 3}
	switch {
	case letter == 'Z' && count <= 3:
		return offsetForm{zero: "+0000", minutes: true}
	case letter == 'x' && count == 1:
		form.zero = "+00"
	case letter == 'x' && form.colon:
		form.zero = "+00:00"
	case letter == 'x':
		form.zero = "+0000"
	}
	return form
}

// append writes an offset in seconds. One whose written parts are all zero is written as none.
func (o offsetForm) append(dst []byte, offset int) []byte {
	hours, minutes, seconds := split(offset)
	if !o.seconds {
		seconds = 0
	}
	if hours+minutes+seconds == 0 {
		return append(dst, o.zero...)
	}
	dst = appendPadded(append(dst, signOf(offset)), hours, 2)
	if o.minutes || minutes > 0 {
		dst = appendPadded(o.appendColon(dst), minutes, 2)
	}
	if seconds > 0 {
		dst = appendPadded(o.appendColon(dst), seconds, 2)
	}
	return dst
}

func (o offsetForm) appendColon(dst []byte) []byte {
	if o.colon {
		return append(dst, ':')
	}
	return dst
}

// appendLocalizedOffset writes GMT+8 or, in full, GMT+08:00.
func appendLocalizedOffset(dst []byte, offset int, full bool) []byte {
	dst = append(dst, "GMT"...)
	if offset == 0 {
		return dst
	}
	hours, minutes, seconds := split(offset)
	dst = append(dst, signOf(offset))
	if full {
		dst = appendPadded(dst, hours, 2)
	} else {
		dst = appendPadded(dst, hours, 1)
	}
	if full || minutes > 0 || seconds > 0 {
		dst = appendPadded(append(dst, ':'), minutes, 2)
	}
	if seconds > 0 {
		dst = appendPadded(append(dst, ':'), seconds, 2)
	}
	return dst
}

func split(offset int) (hours, minutes, seconds int) {
	offset = max(offset, -offset)
	return offset / 3600, offset / 60 % 60, offset % 60
}

func signOf(offset int) byte {
	if offset < 0 {
		return '-'
	}
	return '+'
}
