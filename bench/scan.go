package bench

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// A scan judges one object.
type scan struct {
	books       *books
	key         string
	errorOutput bool   // the object is in the error output
	partition   string // name of the key's segment that must hold the record's key; empty means any place will do
	place       string // value of that segment in the object's key
	placed      bool   // there is such a segment

	findings findings
}

func newScan(b *books, o VerifyOptions, key string) *scan {
	s := &scan{books: b, key: key, partition: o.Partition}
	s.errorOutput = o.ErrorPrefix != "" && strings.HasPrefix(key, o.ErrorPrefix)
	s.place, s.placed = segmentValue(key, o.Partition)
	return s
}

// segmentValue finds the segment name=value in a key. The file name is no segment.
func segmentValue(key, name string) (value string, ok bool) {
	segments := strings.Split(key, "/")
	for _, segment := range segments[:len(segments)-1] {
		if value, ok := strings.CutPrefix(segment, name+"="); ok {
			return value, true
		}
	}
	return "", false
}

// read judges the object line by line. What is wrong with the object becomes a fault; an error means that it could not
// be read, which says nothing of it.
func (s *scan) read(object io.Reader) error {
	s.findings.objects = 1
	source := &sourceReader{reader: object}
	err := s.readLines(source)
	s.findings.bytes = source.bytes
	if source.err != nil {
		return source.err
	}
	var disk *fs.PathError // of where an archive is kept meanwhile
	if errors.As(err, &disk) {
		return err
	}
	if err != nil {
		s.findings.fault(1, Fault{Kind: Broken, Object: s.key, Detail: err.Error()})
	}
	return nil
}

func (s *scan) readLines(source io.Reader) error {
	plain, err := Decompress(source)
	if err != nil {
		return err
	}
	defer plain.Close() // what is wrong with it, reading has told
	l := lines{reader: bufio.NewReaderSize(plain, 64<<10)}
	for number := 1; ; number++ {
		line, err := l.next()
		switch {
		case errors.Is(err, io.EOF) && number == 1:
			return errors.New("it is empty")
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && !(errors.Is(err, errUnterminated) && s.isWhole(line)):
			return err
		}
		if judged := s.judgeLine(line); judged != nil {
			return fmt.Errorf("line %d: %w", number, judged)
		}
		if err != nil {
			return err
		}
	}
}

// isWhole says that an object's last line lacks nothing but its line feed: then the record is there, though the object
// is broken.
func (s *scan) isWhole(line []byte) bool {
	if s.errorOutput {
		return json.Valid(line)
	}
	_, whole := parseRecord(line)
	return whole
}

func (s *scan) judgeLine(line []byte) error {
	if !s.errorOutput {
		s.judge(line)
		return nil
	}
	var entry struct {
		RawData []byte `json:"rawData"`
	}
	if err := json.Unmarshal(line, &entry); err != nil || entry.RawData == nil {
		return errors.New("it is no JSON object with rawData in base64, as the error output holds")
	}
	s.judge(bytes.TrimSuffix(entry.RawData, []byte("\n")))
	return nil
}

// judge says what a record's presence means.
func (s *scan) judge(line []byte) {
	r, whole := parseRecord(line)
	if !whole {
		if looksOurs(line) || s.books.mentions(line) {
			s.fault(Changed, r, "")
		} else {
			s.findings.foreign++
		}
		return
	}
	finding := s.books.mark(r)
	switch finding {
	case notOurs:
		s.findings.foreign++
		return
	case impossible:
		s.fault(Unsent, r, "")
		return
	case surplus:
		s.fault(Doubled, r, "found before, in this object or another")
	case forbidden:
		s.fault(RefusedFound, r, "")
	case possible:
		s.findings.unknownFound++
	}
	if finding != surplus {
		s.count()
	}
	s.checkPlace(r)
}

func (s *scan) count() {
	s.findings.records++
	if s.errorOutput {
		s.findings.errorOutput++
	}
}

func (s *scan) checkPlace(r record) {
	if s.partition == "" || s.errorOutput || (s.placed && s.place == string(r.key)) {
		return
	}
	s.fault(Misplaced, r, fmt.Sprintf("its key is %s", r.key))
}

func (s *scan) fault(kind string, r record, detail string) {
	name := "unreadable"
	if len(r.run) > 0 {
		name = nameRecords(string(r.run), r.producer, r.n, r.n+1)
	}
	s.findings.fault(1, Fault{Kind: kind, Records: name, Object: s.key, Detail: detail})
}

// sourceReader keeps apart what went wrong in reading an object from what is wrong with its content.
type sourceReader struct {
	reader io.Reader
	bytes  int64
	err    error // other than io.EOF
}

func (r *sourceReader) Read(p []byte) (int, error) {
	n, err := r.reader.Read(p)
	r.bytes += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}
