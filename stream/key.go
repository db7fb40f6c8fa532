package stream

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// The limits of an object's key.
const (
	MaxEvaluated = 512  // characters of an evaluated prefix: of Firehose
	MaxKey       = 1024 // bytes: of S3
	MaxSegment   = 255  // bytes between two slashes: of the file names of common file systems, and of MinIO
)

// compressionExtension bounds the extension that a compression gives, its dot included.
const compressionExtension = 11

// LongestFileName is the size in bytes of the longest name of an object behind its prefix:
// <name>-<version>-<yyyy-MM-dd-HH-mm-ss>-<id><.ext>.
func (s Stream) LongestFileName() int {
	const (
		version   = 20 // digits of the largest uint64
		timestamp = len("yyyy-MM-dd-HH-mm-ss")
		id        = 36 // a UUID
	)
	extension := max(compressionExtension, len(s.FileExtension))
	return len(s.Name) + len("-") + version + len("-") + timestamp + len("-") + id + extension
}

// CheckKey says whether every object may lie under an evaluated prefix, given the size of the longest file name. The
// text of its error ends up in error output. It allocates nothing for a good prefix.
func CheckKey(prefix []byte, fileName int) error {
	if len(prefix) > MaxEvaluated {
		if size := utf8.RuneCount(prefix); size > MaxEvaluated {
			return fmt.Errorf("the evaluated prefix has %d characters; the limit is %d", size, MaxEvaluated)
		}
	}
	if size := len(prefix) + fileName; size > MaxKey {
		return fmt.Errorf("the key has %d bytes with the longest file name; the limit is %d", size, MaxKey)
	}
	for rest := prefix; len(rest)+fileName > MaxSegment; {
		slash := bytes.IndexByte(rest, '/')
		if slash < 0 {
			return fmt.Errorf("the key's last segment has %d bytes with the longest file name; the limit is %d",
				len(rest)+fileName, MaxSegment)
		}
		if slash > MaxSegment {
			return fmt.Errorf("a segment of the key has %d bytes; the limit is %d", slash, MaxSegment)
		}
		rest = rest[slash+1:]
	}
	return nil
}
