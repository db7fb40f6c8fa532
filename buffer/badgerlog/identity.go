package badgerlog

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"hydrant/buffer"
	"hydrant/buffer/checked"
)

// identity is what the log's directory says about itself.
type identity struct {
	Format      int    `json:"format"`
	Incarnation string `json:"incarnation"`
	Epoch       uint64 `json:"epoch"`
}

// copyName is a second copy of the identity. It is written after the first, so that one of them is always whole.
const copyName = identityName + ".copy"

// nextEpoch raises and syncs the epoch, and makes the log's incarnation at its first start. used says that the directory
// holds a log already, which must not get another identity.
func nextEpoch(dir string, used bool) (buffer.Origin, error) {
	id, err := readIdentity(dir)
	if errors.Is(err, fs.ErrNotExist) && !used {
		var random [16]byte
		_, _ = rand.Read(random[:])
		id, err = identity{Format: formatVersion, Incarnation: hex.EncodeToString(random[:])}, nil
	}
	if err != nil {
		return buffer.Origin{}, err
	}
	id.Epoch++
	if err := id.write(dir); err != nil {
		return buffer.Origin{}, err
	}
	return id.origin()
}

func (id identity) write(dir string) error {
	for _, name := range []string{identityName, copyName} {
		if err := checked.Write(filepath.Join(dir, name), id); err != nil {
			return err
		}
	}
	return nil
}

// markEncrypted keeps programs that know nothing of encrypted blocks away from the log: they would take each for damaged.
func markEncrypted(dir string) error {
	id, err := readIdentity(dir)
	if err != nil || id.Format == sealedVersion {
		return err
	}
	id.Format = sealedVersion
	return id.write(dir)
}

// readIdentity returns the newest copy that can be trusted. The error is fs.ErrNotExist where there is none at all.
func readIdentity(dir string) (identity, error) {
	var newest identity
	var errs []error
	for _, name := range []string{identityName, copyName} {
		var id identity
		if err := checked.Read(filepath.Join(dir, name), &id); err != nil {
			errs = append(errs, err)
		} else if id.Format < formatVersion || id.Format > sealedVersion {
			return id, fmt.Errorf("%s was written in format %d; this version reads formats %d and %d: start the version that wrote it",
				dir, id.Format, formatVersion, sealedVersion)
		} else if id.Epoch > newest.Epoch || id.Epoch == newest.Epoch && id.Format > newest.Format {
			newest = id
		}
	}
	if newest.Epoch > 0 {
		return newest, nil
	}
	return newest, fmt.Errorf("neither %s nor %s in %s says which log this is (%w): put one of them back from a backup; "+
		"or, to begin an empty log, move the directory away: what it holds is not delivered then", identityName, copyName, dir, errors.Join(errs...))
}

func (id identity) origin() (buffer.Origin, error) {
	raw, err := buffer.ParseStreamID(id.Incarnation)
	if err != nil {
		return buffer.Origin{}, fmt.Errorf("%s: %w", identityName, err)
	}
	return buffer.Origin{Log: raw, Epoch: id.Epoch}, nil
}
