package badgerlog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"os"
)

// writeChecked puts v in place as a line of JSON and a line with its checksum, whole or not at all, and durable on return.
func writeChecked(path string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return writeSynced(path, append(data, checksumLine(data)...))
}

// readChecked reads what writeChecked wrote. An error that is not fs.ErrNotExist says that the file cannot be trusted.
func readChecked(path string, v any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	line, _, _ := bytes.Cut(data, []byte{'\n'})
	if !bytes.Equal(data[len(line):], checksumLine(line)) {
		return fmt.Errorf("%s is damaged: its checksum does not fit", path)
	}
	if err := json.Unmarshal(line, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func checksumLine(data []byte) []byte {
	return fmt.Appendf(nil, "\ncrc32c:%08x\n", crc32.Checksum(data, castagnoli))
}
