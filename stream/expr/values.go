package expr

// NextValue passes the JSON object or array that begins at or behind from, white space before it skipped, and returns
// where it begins and ends. Both are len(data) where nothing but white space is left. The error is a *SyntaxError.
func NextValue(data []byte, from int) (start, end int, err error) {
	start = space(data, from)
	if start == len(data) {
		return start, start, nil
	}
	if data[start] != '{' && data[start] != '[' {
		return start, start, &SyntaxError{Offset: start, Reason: string(notNested), wanted: manyValues}
	}
	end, f := skip(data, start, 0)
	if f != "" {
		return start, end, &SyntaxError{Offset: end, Reason: string(f), wanted: manyValues}
	}
	return start, end, nil
}

// CheckJSON says where a record is not exactly one JSON text: any value, not only an object. The error is a *SyntaxError.
func CheckJSON(record []byte) error {
	end, f := skip(record, 0, 0)
	if f == "" {
		if end = space(record, end); end < len(record) {
			f = trailingText
		}
	}
	if f != "" {
		return &SyntaxError{Offset: end, Reason: string(f), wanted: oneText}
	}
	return nil
}

// What a SyntaxError says that a record is not.
const (
	oneObject  = "one JSON object"
	oneText    = "one JSON text"
	manyValues = "one JSON object after another"
)
