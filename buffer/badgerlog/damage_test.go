package badgerlog

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// One bit flipped in any file: the node starts, and nothing is missing in silence.
func TestFlippedBits(t *testing.T) {
	for _, killed := range []bool{false, true} {
		t.Run(fmt.Sprint("killed ", killed), func(t *testing.T) {
			s := still(t, killed)
			flips := 40
			random := rand.New(rand.NewPCG(7, 11))
			var lost int64
			for range flips {
				lost += s.flip(t, random)
			}
			if lost == 0 {
				t.Error("no flip cost a record: the test does not reach the values")
			}
		})
	}
}

// flip starts with one bit of one file turned.
func (s *stilled) flip(t *testing.T, random *rand.Rand) int64 {
	t.Helper()
	paths := s.paths()
	path := paths[random.IntN(len(paths))]
	for len(s.files[path].data) == 0 {
		path = paths[random.IntN(len(paths))]
	}
	offset, bit := random.IntN(len(s.files[path].data)), random.IntN(8)
	return s.starts(t, fmt.Sprintf("bit %d of byte %d of %s", bit, offset, path), func(dir string) error {
		data := append([]byte(nil), s.files[path].data...)
		data[offset] ^= 1 << bit
		full := filepath.Join(dir, path)
		if err := os.WriteFile(full, data, 0o644); err != nil {
			return err
		}
		return os.Truncate(full, s.files[path].size)
	})
}

// Each file is removed, and cut at several places.
func TestFilesCutAndRemoved(t *testing.T) {
	for _, killed := range []bool{false, true} {
		t.Run(fmt.Sprint("killed ", killed), func(t *testing.T) {
			s := still(t, killed)
			for _, path := range s.paths() {
				s.starts(t, "without "+path, func(dir string) error { return os.Remove(filepath.Join(dir, path)) })
				for _, tenths := range []int{0, 5, 9} {
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
