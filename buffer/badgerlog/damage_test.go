package badgerlog

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// One bit flipped in any file: the node starts, and nothing is missing in silence. The integration tests flip more.
func TestFlippedBits(t *testing.T) {
	for _, killed := range []bool{false, true} {
		t.Run(fmt.Sprint("killed ", killed), func(t *testing.T) { still(t, killed).flipMany(t, 12, rand.New(rand.NewPCG(7, 11))) })
	}
}

// flipMany starts that many times, each with another bit turned, and until one has cost a record: which bits those are depends on
// how far the next generation was made when the log was killed.
func (s *stilled) flipMany(t *testing.T, flips int, random *rand.Rand) {
	t.Helper()
	const most = 20 // times as many
	var lost int64
	for n := 0; n < flips || lost == 0; n++ {
		if n == most*flips {
			t.Fatal("no flip cost a record: the test does not reach the values")
		}
		lost += s.flip(t, random)
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

// Every value log and every file that says what the others hold is removed.
func TestFilesRemoved(t *testing.T) {
	for _, killed := range []bool{false, true} {
		t.Run(fmt.Sprint("killed ", killed), func(t *testing.T) {
			s := still(t, killed)
			for _, path := range s.paths() {
				switch filepath.Base(path) {
				case vlogName, sealedName, identityName, copyName:
					s.starts(t, "without "+path, func(dir string) error { return os.Remove(filepath.Join(dir, path)) })
				}
			}
		})
	}
}
