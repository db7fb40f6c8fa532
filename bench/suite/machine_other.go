//go:build !linux

package suite

import "os"

func syncData(f *os.File) error { return f.Sync() }
