package partitioner

import (
	"encoding/base64"
	"strconv"
)

// failure is one line of error output, in the form that Firehose documents for records that failed in processing.
type failure struct {
	arrival int64 // Unix milliseconds
	code    string
	message string
	record  []byte

	attempts int
	ended    int64  // of the last attempt, Unix milliseconds
	function string // that was called; empty where none was
}

// line is the failure as JSON, members in Firehose's order, with a line feed. Where no function was called there is one
// attempt and it ends when the record arrives: the line is made again on a rebuild and must come out the same, so no clock is read. It is written by
// hand for the same reason: how encoding/json escapes strings has changed between releases of Go.
func (f failure) line() []byte {
	const frame = 256 // more than the members' names and numbers take
	line := make([]byte, 0, frame+len(f.code)+len(f.message)+base64.StdEncoding.EncodedLen(len(f.record)))
	line = append(line, `{"attemptsMade":`...)
	line = strconv.AppendInt(line, int64(f.attempts), 10)
	line = append(line, `,"arrivalTimestamp":`...)
	line = strconv.AppendInt(line, f.arrival, 10)
	line = append(line, `,"errorCode":`...)
	line = appendString(line, f.code)
	line = append(line, `,"errorMessage":`...)
	line = appendString(line, f.message)
	line = append(line, `,"attemptEndingTimestamp":`...)
	line = strconv.AppendInt(line, f.ended, 10)
	line = append(line, `,"rawData":"`...)
	line = base64.StdEncoding.AppendEncode(line, f.record)
	line = append(line, '"')
	if f.function != "" {
		line = append(line, `,"lambdaArn":`...)
		line = appendString(line, f.function)
	}
	return append(line, "}\n"...)
}

// appendString appends a text of valid UTF-8 as a JSON string.
func appendString(dst []byte, text string) []byte {
	const digits = "0123456789abcdef"
	dst = append(dst, '"')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
