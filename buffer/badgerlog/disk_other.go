//go:build !linux

package badgerlog

import (
	"io/fs"
	"math"
	"os"
)

// Other systems run without preallocation and the free-space guard: good for trying and developing, not for production.

func preallocate(string, int64) error { return nil }

func releaseZeros(string) error { return nil }

func dropPages(*os.File) {}

func firstHole(*os.File) int64 { return pageSize }

func nextData(_ *os.File, at int64) int64 { return at }

func isHole(*os.File, int64, int64) bool { return false }

func freeSpace(string) int64 { return math.MaxInt64 }

// syncMapped leaves it to whole, the sync by those who have the mapping.
func syncMapped(_ *os.File, whole func() error) error { return whole() }

func occupied(info fs.FileInfo) int64 { return info.Size() }

type mapping struct{}

func findMapping(*os.File) mapping { return mapping{} }

func (mapping) unmap(int64, int64) {}
