//go:build integration

package format

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// Readers with decoders of their own accept the objects as well.
func TestObjectsAreReadByOtherTools(t *testing.T) {
	for _, tt := range []struct {
		codec Codec
		tool  []string // writes the content of the file that follows to its output
	}{
		{gzipCodec{}, []string{"gzip", "-dc"}},
		{gzipCodec{}, []string{"python3", "-c", "import gzip,sys; sys.stdout.buffer.write(gzip.open(sys.argv[1]).read())"}},
		{zstdCodec{}, []string{"zstd", "-q", "-dc"}},
		{zipCodec{}, []string{"unzip", "-p"}},
		{zipCodec{}, []string{"python3", "-c", `
import sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
assert archive.testzip() is None and len(archive.namelist()) == 1
sys.stdout.buffer.write(archive.read(archive.namelist()[0]))`}},
	} {
		for name, chunks := range shapes() {
			t.Run(fmt.Sprint(tt.codec.Name(), "/", tt.tool[0], "/", name), func(t *testing.T) {
				got := run(t, tt.tool[0], append(tt.tool[1:], writeObject(t, tt.codec, chunks))...)
				if want := bytes.Join(chunks, nil); !bytes.Equal(got, want) {
					t.Errorf("decoded %d bytes, want the %d that went in", len(got), len(want))
				}
			})
		}
	}
}

func TestToolsFindNoFault(t *testing.T) {
	for _, tt := range []struct {
		codec Codec
		tool  []string // prints nothing, if all is well
	}{
		{gzipCodec{}, []string{"gzip", "-t"}},
		{zstdCodec{}, []string{"zstd", "-q", "-t"}},
		{zipCodec{}, []string{"unzip", "-tqq"}},
	} {
		for name, chunks := range shapes() {
			t.Run(tt.tool[0]+"/"+name, func(t *testing.T) {
				if out := run(t, tt.tool[0], append(tt.tool[1:], writeObject(t, tt.codec, chunks))...); len(out) > 0 {
					t.Errorf("%s says %q, want nothing", tt.tool, out)
				}
			})
		}
	}
}

// Java's programs read what Hydrant makes: snappy-java and Hadoop are where the two formats come from, and Java's own zip
// reader takes an archive as it comes.
func TestObjectsAreReadByJava(t *testing.T) {
	libraries := filepath.Join(repository(t), ".bin", "java")
	if _, err := os.Stat(filepath.Join(libraries, "pom.xml")); err != nil {
		t.Fatalf("the Java libraries are missing, .ci/setup installs them: %v", err)
	}
	dir := t.TempDir()
	want := map[string][]byte{}
	args := []string{"-cp", filepath.Join(libraries, "*"), filepath.Join("testdata", "java", "Decode.java")}
	for _, codec := range []Codec{snappyCodec{}, hadoopSnappyCodec{}, zipCodec{}} {
		for name, chunks := range shapes() {
			plain := filepath.Join(dir, codec.Name()+" "+name)
			args = append(args, codec.Name(), writeObject(t, codec, chunks), plain)
			want[plain] = bytes.Join(chunks, nil)
		}
	}
	run(t, "java", args...)
	for file, content := range want {
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, content) {
			t.Errorf("%s: decoded %d bytes, want the %d that went in", filepath.Base(file), len(got), len(content))
		}
	}
}

// An archive beyond 4 GiB is read by a tool that knows zip64 and finds its checksum right.
func TestZip64IsReadByUnzip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large.zip")
	writeZeros(t, path, 4<<30+1)
	if out := run(t, "unzip", "-tqq", path); len(out) > 0 {
		t.Errorf("unzip -t says %q, want nothing", out)
	}
	size := run(t, "python3", "-c", "import sys, zipfile; print(zipfile.ZipFile(sys.argv[1]).infolist()[0].file_size, end='')", path)
	if string(size) != fmt.Sprint(4<<30+1) {
		t.Errorf("the archive's entry has %s bytes, want %d", size, 4<<30+1)
	}
}

func writeObject(t *testing.T, codec Codec, chunks [][]byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "object"+codec.Extension())
	if err := os.WriteFile(path, object(codec, chunks...), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func run(t *testing.T, tool string, args ...string) []byte {
	t.Helper()
	command := exec.Command(tool, args...)
	var problems bytes.Buffer
	command.Stderr = &problems
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v: %s", tool, err, problems.Bytes())
	}
	return out
}

// repository is the directory of go.mod.
func repository(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(".")
	for err == nil {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			err = errors.New("no go.mod above the working directory")
		}
		dir = filepath.Dir(dir)
	}
	t.Fatal(err)
	return ""
}

// writeZeros writes an archive of n zeros, a chunk at a time.
func writeZeros(t *testing.T, path string, n int64) {
	t.Helper()
	zeros := make([]byte, 1<<20)
	packed := zipCodec{}.Chunk(nil, zeros)
	last := zipCodec{}.Chunk(nil, zeros[:n%int64(len(zeros))])
	totals := Totals{Bytes: n, Stored: n/int64(len(zeros))*int64(len(packed)) + int64(len(last))}
	for left := n; left > 0; left -= int64(len(zeros)) {
		totals.CRC32 = crc32.Update(totals.CRC32, crc32.IEEETable, zeros[:min(left, int64(len(zeros)))])
	}
	head, tail := zipCodec{}.Wrap(totals)
	chunks := slices.Repeat([][]byte{packed}, int(n/int64(len(zeros))))
	body := slices.Concat([][]byte{head}, chunks, [][]byte{last, tail})
	if err := os.WriteFile(path, bytes.Join(body, nil), 0o600); err != nil {
		t.Fatal(err)
	}
}
