package keyring

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"hydrant/buffer"
)

// KeyFile is a Master whose keys are in a file of this path: a line each, 32 random bytes in base64 or hexadecimal. The first
// wraps, all of them open. Empty lines and those that begin with # are comments. The file is read each time, so that one that
// was mended or put back serves at once.
type KeyFile string

// NewMasterKey is the content of a new key file.
func NewMasterKey() string {
	var key [masterSize]byte
	_, _ = rand.Read(key[:]) // never fails: documented to end the process instead
	return base64.StdEncoding.EncodeToString(key[:])
}

// A wrapped key is: format, 1 byte; the master key's fingerprint, 8 bytes; nonce, 12 bytes; the secret by AES-256-GCM.
const (
	masterSize  = 32
	wrapFormat  = 1
	fingerprint = 8
	wrapHeader  = 1 + fingerprint
)

// masterKey is one that was read.
type masterKey struct {
	print []byte
	aead  cipher.AEAD
}

// New implements Master.
func (f KeyFile) New(_ context.Context, id buffer.DataKeyID) (secret, wrapped []byte, err error) {
	keys, err := f.read()
	if err != nil {
		return nil, nil, err
	}
	secret = make([]byte, buffer.SecretSize)
	_, _ = rand.Read(secret)
	return secret, keys[0].wrap(id, secret), nil
}

// Open implements Master.
func (f KeyFile) Open(_ context.Context, id buffer.DataKeyID, wrapped []byte) (secret, rewrapped []byte, err error) {
	if len(wrapped) < wrapHeader || wrapped[0] != wrapFormat {
		return nil, nil, &buffer.DataKeyError{Code: buffer.KeyInvalidState, Reason: "its wrapped form is not one that this version knows"}
	}
	keys, err := f.read()
	if err != nil {
		return nil, nil, err
	}
	print := wrapped[1:wrapHeader]
	i := slices.IndexFunc(keys, func(k *masterKey) bool { return bytes.Equal(k.print, print) })
	if i < 0 {
		return nil, nil, &buffer.DataKeyError{Code: buffer.KeyNotFound, Reason: fmt.Sprintf(
			"the master key that wraps it (fingerprint %x) is not in %s: put it back there, on a line below the first", print, string(f))}
	}
	if secret, err = keys[i].unwrap(id, wrapped); err != nil {
		return nil, nil, err
	}
	if i > 0 {
		rewrapped = keys[0].wrap(id, secret)
	}
	return secret, rewrapped, nil
}

// read returns the file's keys, at least one.
func (f KeyFile) read() (keys []*masterKey, err error) {
	text, err := os.ReadFile(string(f))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &buffer.DataKeyError{Code: buffer.KeyNotFound, Reason: fmt.Sprintf("the master key's file %s does not exist", string(f))}
	case err != nil:
		return nil, &buffer.DataKeyError{Code: buffer.KeyDenied, Reason: "the master key's file cannot be read: " + err.Error()}
	}
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		key, err := newMaster(line)
		if err != nil {
			return nil, &buffer.DataKeyError{Code: buffer.KeyInvalidState, Reason: fmt.Sprintf("line %d of %s: %v", number, string(f), err)}
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, &buffer.DataKeyError{Code: buffer.KeyInvalidState, Reason: fmt.Sprintf("%s holds no key: hydrant keys master makes one", string(f))}
	}
	return keys, nil
}

func newMaster(line string) (*masterKey, error) {
	key, err := hex.DecodeString(line)
	if err != nil || len(key) != masterSize {
		key, err = base64.StdEncoding.DecodeString(line)
	}
	if err != nil || len(key) != masterSize {
		return nil, errors.New("not 32 bytes in base64 or hexadecimal: hydrant keys master makes a key")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(append([]byte("hydrant master key\x00"), key...))
	return &masterKey{print: sum[:fingerprint], aead: aead}, nil
}

func (m *masterKey) wrap(id buffer.DataKeyID, secret []byte) []byte {
	header := append([]byte{wrapFormat}, m.print...)
	return m.aead.Seal(header, nil, secret, binding(id))
}

func (m *masterKey) unwrap(id buffer.DataKeyID, wrapped []byte) ([]byte, error) {
	secret, err := m.aead.Open(nil, nil, wrapped[wrapHeader:], binding(id))
	if err != nil {
		return nil, &buffer.DataKeyError{Code: buffer.KeyInvalidState, Reason: "its wrapped form was changed: put keys.json back from a backup"}
	}
	return secret, nil
}

// binding keeps wrapped keys from being exchanged for each other.
func binding(id buffer.DataKeyID) []byte { return fmt.Appendf(nil, "hydrant data key %d", id) }
