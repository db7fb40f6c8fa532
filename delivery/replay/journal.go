package replay

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// marks keep what must survive a kill. An implementation is for one goroutine.
type marks interface {
	// load returns nil where there is no mark, and what names its version.
	load(ctx context.Context, original string) (m *mark, version string, err error)
	// save returns when the mark is on stable storage. The version is the one that it replaces, empty for none.
	save(ctx context.Context, m *mark, version string) (string, error)
	close() error
}

// journal keeps marks in a file: a line of JSON for each save, the last one of an original counts. It holds a lock, so that
// one replay at a time is at work.
type journal struct {
	file *os.File
	lock *flock.Flock
	last map[string]*mark // by original
}

// openJournal opens or makes the file. What a kill or a full disk left of a line at its end is dropped: it was never relied
// upon.
func openJournal(path, stream string) (*journal, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	lock := flock.New(path + ".lock")
	if locked, err := lock.TryLock(); err != nil {
		return nil, err
	} else if !locked {
		return nil, fmt.Errorf("%s is in use: another replay is at work; let it end", path)
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	j := &journal{file: file, lock: lock, last: map[string]*mark{}}
	if err := j.read(stream); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), j.close())
	}
	return j, syncDirectory(filepath.Dir(path))
}

// header is the first line: a file serves one stream.
type header struct {
	Stream string `json:"stream"`
}

func (j *journal) read(stream string) error {
	reader, good := bufio.NewReader(j.file), int64(0)
	for number := 1; ; number++ {
		line, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := j.take(number, line, stream); err != nil {
			return err
		}
		good += int64(len(line))
	}
	if err := j.file.Truncate(good); err != nil {
		return err
	}
	if _, err := j.file.Seek(good, io.SeekStart); err != nil {
		return err
	}
	if good == 0 {
		return j.append(header{stream})
	}
	return nil
}

func (j *journal) take(number int, line []byte, stream string) error {
	var h header
	m := new(mark)
	switch {
	case number > 1:
		if err := json.Unmarshal(line, m); err != nil {
			return fmt.Errorf("line %d is no mark: %w", number, err)
		}
		j.last[m.Object.Key] = m
	case json.Unmarshal(line, &h) != nil || h.Stream == "":
		return errors.New("it is no file of marks: name another with --state")
	case h.Stream != stream:
		return fmt.Errorf("it holds the marks of replays into stream %s, not %s: name another with --state", h.Stream, stream)
	}
	return nil
}

func (j *journal) load(_ context.Context, original string) (*mark, string, error) {
	return j.last[original], "", nil
}

func (j *journal) save(_ context.Context, m *mark, _ string) (string, error) {
	copied := *m
	j.last[m.Object.Key] = &copied
	return "", j.append(m)
}

func (j *journal) append(line any) error {
	var out bytes.Buffer
	if err := json.NewEncoder(&out).Encode(line); err != nil {
		return err
	}
	if _, err := j.file.Write(out.Bytes()); err != nil {
		return err
	}
	return j.file.Sync()
}

// close leaves the lock's file: to remove it would let two in.
func (j *journal) close() error {
	if j.file == nil { // of a dry run
		return nil
	}
	return errors.Join(j.file.Close(), j.lock.Close())
}

func syncDirectory(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
