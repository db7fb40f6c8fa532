package badgerlog

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"hydrant/buffer"
)

// identity is what the log's directory says about itself.
type identity struct {
	Format      int    `json:"format"`
	Incarnation string `json:"incarnation"`
	Epoch       uint64 `json:"epoch"`
}

// nextEpoch raises and syncs the epoch, and makes the log's incarnation at its first start.
func nextEpoch(dir string) (buffer.Origin, error) {
	id, err := readIdentity(dir)
	if errors.Is(err, fs.ErrNotExist) {
		var random [16]byte
		_, _ = rand.Read(random[:])
		id, err = identity{Format: formatVersion, Incarnation: hex.EncodeToString(random[:])}, nil
	}
	if err != nil {
		return buffer.Origin{}, err
	}
	id.Epoch++
	data, err := json.Marshal(id)
	if err != nil {
		return buffer.Origin{}, err
	}
	if err := writeSynced(filepath.Join(dir, identityName), append(data, '\n')); err != nil {
		return buffer.Origin{}, err
	}
	return id.origin()
}

func readIdentity(dir string) (identity, error) {
	var id identity
	path := filepath.Join(dir, identityName)
	data, err := os.ReadFile(path)
	if err != nil {
		return id, err
	}
	if err := json.Unmarshal(data, &id); err != nil {
		return id, fmt.Errorf("%s is damaged: %w", path, err)
	}
	if id.Format != formatVersion {
		return id, fmt.Errorf("%s was written in format %d; this version reads format %d: start the version that wrote it", dir, id.Format, formatVersion)
	}
	return id, nil
}

func (id identity) origin() (buffer.Origin, error) {
	raw, err := buffer.ParseStreamID(id.Incarnation)
	if err != nil {
		return buffer.Origin{}, fmt.Errorf("%s: %w", identityName, err)
	}
	return buffer.Origin{Log: raw, Epoch: id.Epoch}, nil
}
