package directory

import (
	"fmt"
	"path/filepath"
	"strings"
)

// keyError says why an object cannot be a file of its key's name.
type keyError struct{ reason string }

func (e *keyError) Error() string { return "the key cannot be a file's name: " + e.reason }

// path is where the object with this key lies. A key comes from records, so it is an outsider's word: it may name
// nothing outside the tree.
func (d *Destination) path(key string) (string, error) {
	if len(key) > 1024 {
		return "", &keyError{fmt.Sprintf("it has %d bytes: at most 1,024 are allowed", len(key))}
	}
	for segment := range strings.SplitSeq(key, "/") {
		switch {
		case segment == "":
			return "", &keyError{"it has an empty segment: remove the extra slash from the prefix"}
		case segment == "." || segment == "..":
			return "", &keyError{fmt.Sprintf("its segment %q is not allowed", segment)}
		case len(segment) > 255:
			return "", &keyError{fmt.Sprintf("its segment %.20q... has %d bytes: at most 255 are allowed",
				segment, len(segment))}
		case strings.ContainsRune(segment, 0):
			return "", &keyError{fmt.Sprintf("its segment %q has a zero byte", segment)}
		}
	}
	return filepath.Join(d.root, filepath.FromSlash(key)), nil
}
