package badgerlog

import (
	"errors"
	"io"
)

// patient reads on where the disk does not: a page that cannot be read is zeros, which no checksum fits.
type patient struct {
	io.ReaderAt
	pages int // that could not be read
}

const pageSize = 4096

func (r *patient) ReadAt(p []byte, offset int64) (int, error) {
	for done := 0; ; {
		n, err := r.ReaderAt.ReadAt(p[done:], offset+int64(done))
		done += n
		if err == nil || errors.Is(err, io.EOF) || done >= len(p) {
			return done, err
		}
		r.pages++
		skip := pageSize - int((offset+int64(done))%pageSize)
		skip = min(skip, len(p)-done)
		clear(p[done : done+skip])
		if done += skip; done == len(p) {
			return done, nil
		}
	}
}
