package format

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// shapes are objects at the edges of the format: no chunk, empty chunks, chunks of one byte, incompressible ones, and
// ones beyond deflate's window.
func shapes() map[string][][]byte {
	data := events(300 << 10)
	return map[string][][]byte{
		"no chunk":          nil,
		"empty chunk":       {{}},
		"empty among full":  {{}, []byte("a"), {}, {}, []byte("b"), {}},
		"bytes":             {[]byte("a"), []byte("b"), []byte("c")},
		"one chunk":         {data},
		"uneven chunks":     {data[:10], data[10:70000], data[70000:]},
		"equal chunks":      {data, data, data},
		"noise":             {noise(100 << 10), noise(1)},
		"zeros":             {make([]byte, 1<<20)},
		"stored block edge": {noise(65535), noise(65536), noise(65537)},
	}
}

// The standard library accepts the object as exactly one member with nothing behind it.
func TestGzipIsOneMember(t *testing.T) {
	for name, chunks := range shapes() {
		t.Run(name, func(t *testing.T) {
			source := bufio.NewReader(bytes.NewReader(object(gzipCodec{}, chunks...)))
			r, err := gzip.NewReader(source)
			if err != nil {
				t.Fatal(err)
			}
			r.Multistream(false)
			got, err := io.ReadAll(r) // checks CRC-32 and size
			if err != nil {
				t.Fatal(err)
			}
			if want := bytes.Join(chunks, nil); !bytes.Equal(got, want) {
				t.Errorf("decoded %d bytes, want the %d that went in", len(got), len(want))
			}
			if rest, err := io.ReadAll(source); err != nil || len(rest) > 0 {
				t.Errorf("%d bytes follow the member (%v), want none", len(rest), err)
			}
		})
	}
}

// Readers with decoders of their own accept the objects as well.
func TestGzipIsReadByOtherTools(t *testing.T) {
	for tool, args := range map[string][]string{
		"gzip":    {"-dc"},
		"python3": {"-c", "import gzip,sys; sys.stdout.buffer.write(gzip.open(sys.argv[1]).read())"},
	} {
		for name, chunks := range shapes() {
			t.Run(tool+"/"+name, func(t *testing.T) {
				path := writeObject(t, chunks)
				got := run(t, tool, append(args, path)...)
				if want := bytes.Join(chunks, nil); !bytes.Equal(got, want) {
					t.Errorf("decoded %d bytes, want the %d that went in", len(got), len(want))
				}
			})
		}
	}
}

func TestGzipToolFindsNoFault(t *testing.T) {
	for name, chunks := range shapes() {
		t.Run(name, func(t *testing.T) {
			if out := run(t, "gzip", "-t", writeObject(t, chunks)); len(out) > 0 {
				t.Errorf("gzip -t says %q, want nothing", out)
			}
		})
	}
}

// A flipped bit anywhere but in the header's free fields is found.
func TestGzipDecodeFindsDamage(t *testing.T) {
	whole := object(gzipCodec{}, events(2000), events(500))
	want := decode(t, gzipCodec{}, whole)
	for at := range whole {
		if at >= 4 && at < 10 { // time, extra flags, operating system
			continue
		}
		damaged := bytes.Clone(whole)
		damaged[at] ^= 1 << (at % 8)
		r, err := gzipCodec{}.Decode(bytes.NewReader(damaged))
		if err != nil {
			continue
		}
		got, err := io.ReadAll(r)
		if err == nil && !bytes.Equal(got, want) {
			t.Errorf("bit flipped in byte %d: other content and no error", at)
		}
	}
	for length := range whole {
		r, err := gzipCodec{}.Decode(bytes.NewReader(whole[:length]))
		if err != nil {
			continue
		}
		if _, err := io.ReadAll(r); err == nil {
			t.Errorf("cut to %d of %d bytes: no error", length, len(whole))
		}
	}
}

func writeObject(t *testing.T, chunks [][]byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "object.gz")
	if err := os.WriteFile(path, object(gzipCodec{}, chunks...), 0o600); err != nil {
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
