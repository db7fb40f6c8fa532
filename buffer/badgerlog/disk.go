package badgerlog

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
)

// diskUsage is what the files below dir occupy, holes left out.
func diskUsage(dir string) int64 {
	var total int64
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil // what vanishes meanwhile occupies nothing
		}
		if info, err := e.Info(); err == nil {
			total += occupied(info)
		}
		return nil
	})
	return total
}

// lastByte is where the last byte that is not zero ends, among the first size bytes of a file that says that nothing was written
// from some byte on. That is not read, if it begins with as many zeros as scan asks for.
func lastByte(f *os.File, written, size int64) (int64, error) {
	const step = 1 << 20
	memory := make([]byte, max(step, min(minWindow, size-written)))
	if begin := memory[:min(minWindow, size-written)]; len(begin) > 0 {
		if _, err := f.ReadAt(begin, written); err != nil {
			return 0, err
		}
		if allZeros(begin) {
			size = written
		}
	}
	for size > 0 {
		from := max(0, size-step)
		chunk := memory[:size-from]
		if _, err := f.ReadAt(chunk, from); err != nil {
			return 0, err
		}
		if !allZeros(chunk) {
			return from + int64(len(bytes.TrimRight(chunk, "\x00"))), nil
		}
		size = from
	}
	return 0, nil
}

func allZeros(b []byte) bool {
	for len(b) > len(zeros) {
		if !bytes.Equal(b[:len(zeros)], zeros[:]) {
			return false
		}
		b = b[len(zeros):]
	}
	return bytes.Equal(b, zeros[:len(b)])
}
