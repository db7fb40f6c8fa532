package buffer

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
)

// DataKeyID names a key that blocks are encrypted with, within one log and for ever: it is never given to another key. 0 is
// no key.
type DataKeyID uint32

// DataKeys are the keys that blocks are encrypted with. A log asks for them by id, with each batch and each block, so that
// Key must not wait.
type DataKeys interface {
	// Key returns a key. Where it cannot be had now the error is a *DataKeyError.
	Key(id DataKeyID) (*DataKey, error)
}

// DataKeyError says that a data key cannot be had, or does not open what it should: what is encrypted with it can be
// neither stored nor read until that is mended. Nothing is lost by it.
type DataKeyError struct {
	ID     DataKeyID // 0 where none could be made
	Code   string    // one of the codes below
	Reason string    // for people, with what to do
}

// The codes of a DataKeyError are the names that AWS KMS has for the same.
const (
	KeyNotFound     = "NotFoundException"
	KeyDenied       = "AccessDeniedException"
	KeyDisabled     = "DisabledException"
	KeyInvalidState = "KMSInvalidStateException"
	KeyUnreachable  = "DependencyTimeoutException" // passes by itself
)

func (e *DataKeyError) Error() string {
	if e.ID == 0 {
		return "no data key can be made: " + e.Reason
	}
	return fmt.Sprintf("data key %d cannot be used: %s", e.ID, e.Reason)
}

// Passing reports whether nobody need do anything about it here.
func (e *DataKeyError) Passing() bool { return e.Code == KeyUnreachable }

// DataKey encrypts payloads of blocks with XAES-256-GCM (C2SP): AES-256-GCM under a key derived for each block from its
// random nonce of 192 bits, so that no number of blocks makes a repeated nonce likely. Immutable.
type DataKey struct {
	ID     DataKeyID
	block  cipher.Block
	subkey [aes.BlockSize]byte // K1 of CMAC
}

// Sizes in bytes: of a data key's secret, and of what encryption adds to a payload.
const (
	SecretSize = 32

	nonceSize   = 24
	tagSize     = 16
	sealedExtra = nonceSize + tagSize
)

// NewDataKey returns the key with a secret of SecretSize bytes, of which it keeps no part.
func NewDataKey(id DataKeyID, secret []byte) (*DataKey, error) {
	if len(secret) != SecretSize {
		return nil, fmt.Errorf("data key %d has %d bytes, not %d", id, len(secret), SecretSize)
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	k := &DataKey{ID: id, block: block}
	block.Encrypt(k.subkey[:], k.subkey[:])
	var carry byte
	for i := len(k.subkey) - 1; i >= 0; i-- {
		k.subkey[i], carry = k.subkey[i]<<1|carry, k.subkey[i]>>7
	}
	k.subkey[len(k.subkey)-1] ^= carry * 0x87
	return k, nil
}

// forNonce is the cipher of one block.
func (k *DataKey) forNonce(nonce []byte) (cipher.AEAD, error) {
	derived := make([]byte, SecretSize)
	for i := range 2 {
		half := derived[i*aes.BlockSize:][:aes.BlockSize]
		half[1], half[2] = byte(i+1), 'X'
		copy(half[4:], nonce[:12])
		subtle.XORBytes(half, half, k.subkey[:])
		k.block.Encrypt(half, half)
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// seal appends the nonce and the encrypted payload to dst, which has room for them and does not overlap with plain.
func (k *DataKey) seal(dst, plain, bound []byte) []byte {
	nonce := dst[len(dst):][:nonceSize]
	_, _ = rand.Read(nonce) // never fails: documented to end the process instead
	aead, err := k.forNonce(nonce)
	if err != nil {
		panic("buffer: a key of 32 bytes makes a cipher: " + err.Error())
	}
	return aead.Seal(dst[:len(dst)+nonceSize], nonce[12:], plain, bound)
}

// open appends what seal encrypted to dst.
func (k *DataKey) open(dst, sealed, bound []byte) ([]byte, error) {
	if len(sealed) < sealedExtra {
		return dst, fmt.Errorf("%w: %d bytes are no encrypted payload", ErrDamaged, len(sealed))
	}
	aead, err := k.forNonce(sealed[:nonceSize])
	if err != nil {
		return dst, err
	}
	plain, err := aead.Open(dst, sealed[12:nonceSize], sealed[nonceSize:], bound)
	if err != nil {
		return dst, &DataKeyError{ID: k.ID, Code: KeyInvalidState, Reason: "a block whose checksum is right does not open with it: " +
			"the file of data keys is another log's or an older one, or somebody changed the block"}
	}
	return plain, nil
}
