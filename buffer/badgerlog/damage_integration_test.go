//go:build integration

package badgerlog

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// 300 bits, or as many as HYDRANT_TEST_FLIPS says, in a directory that was closed and in one that was not.
func TestManyFlippedBits(t *testing.T) {
	flips := 300
	if n, err := strconv.Atoi(os.Getenv("HYDRANT_TEST_FLIPS")); err == nil {
		flips = n
	}
	for i, killed := range []bool{false, true} {
		t.Run(fmt.Sprint("killed ", killed), func(t *testing.T) {
			still(t, killed).flipMany(t, flips/2, rand.New(rand.NewPCG(3, uint64(i))))
		})
	}
}

// Each file is removed, and cut at several places.
func TestFilesCutAndRemoved(t *testing.T) {
	for _, killed := range []bool{false, true} {
		t.Run(fmt.Sprint("killed ", killed), func(t *testing.T) {
			s := still(t, killed)
			for _, path := range s.paths() {
				s.starts(t, "without "+path, func(dir string) error { return os.Remove(filepath.Join(dir, path)) })
				for _, tenths := range []int{0, 3, 5, 9} {
					size := int64(len(s.files[path].data) * tenths / 10)
					if size == s.files[path].size {
						continue
					}
					s.starts(t, fmt.Sprintf("%s cut to %d of %d bytes", path, size, s.files[path].size), func(dir string) error {
						return os.Truncate(filepath.Join(dir, path), size)
					})
				}
			}
		})
	}
}
