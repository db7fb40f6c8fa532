package delivery

import (
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"

	"hydrant/stream/expr"
)

// fillRandom puts a random string, of Firehose's 11 characters, into each of its places in an evaluated prefix. They are
// as random as the object's id and come from it, so that one manifest has one key however often that is computed; once
// written down, the manifest's key is all that counts.
func fillRandom(prefix, id string) string {
	for occurrence := 0; strings.Contains(prefix, expr.RandomString); occurrence++ {
		sum := sha256.Sum256([]byte(id + "/" + strconv.Itoa(occurrence)))
		text := base64.RawURLEncoding.EncodeToString(sum[:8])
		prefix = strings.Replace(prefix, expr.RandomString, text, 1)
	}
	return prefix
}
