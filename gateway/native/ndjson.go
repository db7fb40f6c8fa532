package native

import "bytes"

// splitLines takes each line that is not blank as a record, without its line end. The lines are opaque: validating
// them costs ten to forty times as much as splitting, and a record that is not JSON is no worse in the buffer.
func splitLines(records [][]byte, body []byte, limit int64) ([][]byte, int64, error) {
	var n int64
	for len(body) > 0 {
		line := body
		if end := bytes.IndexByte(body, '\n'); end >= 0 {
			line, body = body[:end], body[end+1:]
		} else {
			body = nil
		}
		if last := len(line) - 1; last >= 0 && line[last] == '\r' {
			line = line[:last]
		}
		if blank(line) {
			continue
		}
		if n++; n <= limit {
			records = append(records, line)
		}
	}
	return records, n, nil
}

func blank(line []byte) bool {
	for _, c := range line {
		if c != ' ' && c != '\t' && c != '\r' {
			return false
		}
	}
	return true
}
