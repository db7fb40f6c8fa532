package torture

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
)

// mutant spoils what is stored, behind the nodes' backs, and never tells: the verdict must.
type mutant struct {
	name, about string
	// change gets an object that a node creates, uncompressed, and stores what it likes in its place. It reports whether it
	// has changed anything.
	change func(key string, plain []byte, store func(key string, plain []byte)) bool
	raw    func(packed []byte) []byte // changes the object as stored; nil where change does the work
}

var mutants = []*mutant{
	{name: "drop", about: "a record of an object is left out", change: func(key string, plain []byte, store func(string, []byte)) bool {
		_, rest, more := bytes.Cut(plain, []byte("\n"))
		if more = more && len(rest) > 0; more {
			store(key, rest)
		}
		return more
	}},
	{name: "vanish", about: "an object is not stored at all", change: func(string, []byte, func(string, []byte)) bool { return true }},
	{name: "double", about: "an object is stored under a second key too", change: func(key string, plain []byte, store func(string, []byte)) bool {
		store(key, plain)
		store(key+".again.gz", plain)
		return true
	}},
	{name: "repeat", about: "a record is in its object twice", change: func(key string, plain []byte, store func(string, []byte)) bool {
		first, _, _ := bytes.Cut(plain, []byte("\n"))
		store(key, append(append(bytes.Clone(plain), first...), '\n'))
		return true
	}},
	{name: "change", about: "a byte of a record is another one", change: func(key string, plain []byte, store func(string, []byte)) bool {
		changed := bytes.Replace(plain, []byte(`"pad":"`), []byte(`"pad":"x`), 1)
		store(key, changed)
		return !bytes.Equal(changed, plain)
	}},
	{name: "misplace", about: "an object is stored in another partition", change: func(key string, plain []byte, store func(string, []byte)) bool {
		before, rest, found := strings.Cut(key, "key=")
		_, rest, _ = strings.Cut(rest, "/")
		if found {
			store(before+"key=elsewhere/"+rest, plain)
		}
		return found
	}},
	{name: "cut", about: "an object lacks its end", raw: func(packed []byte) []byte { return packed[:len(packed)*2/3] }},
	{name: "flip", about: "a bit of an object is flipped", raw: func(packed []byte) []byte {
		packed = bytes.Clone(packed)
		packed[len(packed)/2] ^= 16
		return packed
	}},
	{name: "early", about: "an object is visible, and read, before it is whole"},
}

func findMutant(name string) (*mutant, error) {
	if name == "" {
		return nil, nil
	}
	for _, m := range mutants {
		if m.name == name {
			return m, nil
		}
	}
	return nil, fmt.Errorf("mutant: there is no %q; --list tells them all", name)
}

// before stands before a store and spoils one object, the first that it can. Without a mutant it is the store.
func (m *mutant) before(store http.Handler) http.Handler {
	if m == nil {
		return store
	}
	var spoilt atomic.Bool
	half := &readers{awaits: map[string]chan struct{}{}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		created := r.Method == http.MethodPut && strings.Contains(r.URL.Path, "key=") && !strings.Contains(r.URL.Path, "/.")
		if !created || spoilt.Load() {
			told := &answer{w, http.StatusOK}
			store.ServeHTTP(told, r)
			if r.Method == http.MethodGet && told.status < http.StatusMultipleChoices {
				half.note(r.URL.Path)
			}
			return
		}
		packed, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler) // the client broke off
		}
		if m.spoil(store, r, packed, half) {
			spoilt.Store(true)
			w.Header().Set("ETag", `"spoilt"`)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(packed))
		store.ServeHTTP(w, r)
	})
}

func (m *mutant) spoil(store http.Handler, r *http.Request, packed []byte, half *readers) bool {
	put := func(path string, body []byte) {
		in := r.Clone(r.Context())
		in.URL.Path, in.Body, in.ContentLength = path, io.NopCloser(bytes.NewReader(body)), int64(len(body))
		in.Header.Del("If-None-Match")
		store.ServeHTTP(httptest.NewRecorder(), in)
	}
	switch {
	case m.raw != nil:
		put(r.URL.Path, m.raw(packed))
		return true
	case m.change != nil:
		plain, err := unpack(packed)
		return err == nil && m.change(r.URL.Path, plain, func(path string, plain []byte) { put(path, pack(plain)) })
	}
	read := half.await(r.URL.Path)
	put(r.URL.Path, packed[:len(packed)/2])
	select {
	case <-read:
	case <-r.Context().Done():
	}
	put(r.URL.Path, packed)
	return true
}

// readers tell when somebody has read objects that are only half there.
type readers struct {
	mu     sync.Mutex
	awaits map[string]chan struct{} // by path
}

// await returns a channel that is closed when a path has been read.
func (h *readers) await(path string) <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.awaits[path] == nil {
		h.awaits[path] = make(chan struct{})
	}
	return h.awaits[path]
}

// note is told of each object that was read.
func (h *readers) note(path string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if read := h.awaits[path]; read != nil {
		close(read)
		delete(h.awaits, path)
	}
}

// answer notes the status of what it answers.
type answer struct {
	http.ResponseWriter
	status int
}

func (a *answer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

func unpack(packed []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func pack(plain []byte) []byte {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = w.Write(plain) // to memory
	_ = w.Close()
	return packed.Bytes()
}
