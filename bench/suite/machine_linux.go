package suite

import (
	"os"

	"golang.org/x/sys/unix"
)

// syncData returns when what was written to the file, and the size that it takes to read it, is on stable storage.
func syncData(f *os.File) error { return unix.Fdatasync(int(f.Fd())) }
