// Package sink is an S3 server for one kind of client, Hydrant, to measure and to try it with: without signatures, and
// with just the calls that Hydrant and its verifier make. It throws away what it is sent, or keeps it in files.
package sink

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// TotalsPath is where a server tells what it has. No bucket's name begins with a dot.
const TotalsPath = "/.totals"

// Command is `hydrant bench s3sink`: an S3 server that throws away what it is sent.
type Command struct {
	Listen string `default:"127.0.0.1:8091" help:"Address to listen on."`
}

// Run serves until the context ends.
func (c *Command) Run(ctx context.Context) error {
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return err
	}
	s := &http.Server{Handler: New(), ReadHeaderTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- s.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
		err := s.Close()
		<-served // that it was closed
		return err
	}
}

// Server keeps the conditions of creation, so that a probe finds a store that refuses to overwrite, but of an object, unless
// it was made by Keep, no more than its size and its metadata. Only below hidden keys, where leases and canaries are, it
// keeps contents. It believes whoever asks. Its methods may run at once.
type Server struct {
	dir string // of the contents' files; empty to throw them away

	mu      sync.Mutex
	objects map[string]*stored // by /bucket/key
	paths   []string           // of the objects, sorted, for listings
	uploads map[string]*upload // by id
	changes int                // tags, ids and files' names are made of it
	totals  Totals
}

// Totals are about objects that no hidden key names. Records are those that the objects' metadata names.
type Totals struct {
	Objects int64 `json:"objects"`
	Bytes   int64 `json:"bytes"`
	Records int64 `json:"records"`
}

// stored is what is kept of an object.
type stored struct {
	tag      string
	size     int64
	metadata http.Header
	content
}

// content is what an object holds: one of the two, or neither if it was thrown away.
type content struct {
	memory []byte
	files  []string // one after the other
}

// New returns a server that throws contents away.
func New() *Server { return &Server{objects: map[string]*stored{}, uploads: map[string]*upload{}} }

// Keep returns a server that keeps contents in files of the directory, for as long as it lives.
func Keep(dir string) *Server {
	s := New()
	s.dir = dir
	return s
}

// refusal is an answer of S3's other than success.
type refusal struct {
	status int
	code   string
}

var (
	noSuchKey    = &refusal{http.StatusNotFound, "NoSuchKey"}
	noSuchUpload = &refusal{http.StatusNotFound, "NoSuchUpload"}
	exists       = &refusal{http.StatusPreconditionFailed, "PreconditionFailed"}
	thrownAway   = &refusal{http.StatusNotImplemented, "NotImplemented"}
	unknownCall  = &refusal{http.StatusNotImplemented, "NotImplemented"}
	incomplete   = &refusal{http.StatusBadRequest, "IncompleteBody"}
	invalidPart  = &refusal{http.StatusBadRequest, "InvalidPart"}
)

func (r *refusal) Error() string { return r.code }

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == TotalsPath {
		s.mu.Lock()
		defer s.mu.Unlock()
		_ = json.NewEncoder(w).Encode(s.totals) // whoever asked may have gone
		return
	}
	err := s.serve(w, r)
	if err == nil {
		return
	}
	var known *refusal
	if !errors.As(err, &known) {
		known = incomplete // of reading the body
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(known.status)
	fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>the discarding server says no</Message></Error>`, known.code)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	switch {
	case query.Has("uploads") || query.Has("uploadId"):
		return s.serveUpload(w, r)
	case r.Method == http.MethodGet && query.Get("list-type") == "2" && s.dir != "":
		return s.list(w, r)
	case len(query) > 0 && !query.Has("x-id"): // the SDKs name their call so
		return unknownCall
	case r.Method == http.MethodPut:
		return s.put(w, r)
	case r.Method == http.MethodGet, r.Method == http.MethodHead:
		return s.read(w, r)
	case r.Method == http.MethodDelete:
		s.remove(r.URL.Path)
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return unknownCall
}

// hidden says that a key is for the client's own use: its first segment begins with a dot.
func hidden(path string) bool { return strings.Contains(path, "/.") }

// receive reads a body, and keeps what is to be kept.
func (s *Server) receive(r *http.Request) (size int64, c content, err error) {
	if hidden(r.URL.Path) {
		const most = 1 << 20
		c.memory, err = io.ReadAll(io.LimitReader(r.Body, most))
		return int64(len(c.memory)), c, err
	}
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	if s.dir == "" {
		size, err = io.CopyBuffer(discard{}, r.Body, *buffer)
		return size, c, err
	}
	f, err := os.CreateTemp(s.dir, "content-")
	if err != nil {
		return 0, c, err
	}
	size, err = io.CopyBuffer(f, r.Body, *buffer)
	return size, content{files: []string{f.Name()}}, errors.Join(err, f.Close())
}

var buffers = sync.Pool{New: func() any { b := make([]byte, 256<<10); return &b }}

// discard hides that io.Discard brings a buffer of its own, a small one.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func (s *Server) put(w http.ResponseWriter, r *http.Request) error {
	size, c, err := s.receive(r)
	if err != nil {
		return err
	}
	o := &stored{size: size, content: c, metadata: metadataOf(r.Header)}
	if err := s.store(r, o); err != nil {
		return err
	}
	w.Header().Set("ETag", o.tag)
	return nil
}

// store makes an object visible if the request's conditions hold.
func (s *Server) store(r *http.Request, o *stored) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := r.URL.Path
	before := s.objects[path]
	match := r.Header.Get("If-Match")
	switch {
	case before != nil && r.Header.Get("If-None-Match") == "*", before != nil && match != "" && match != before.tag:
		return exists
	case before == nil && match != "":
		return noSuchKey
	}
	s.changes++
	o.tag = fmt.Sprintf(`"%032x"`, s.changes)
	s.objects[path] = o
	if at, there := slices.BinarySearch(s.paths, path); !there {
		s.paths = slices.Insert(s.paths, at, path)
	}
	if !hidden(path) {
		s.count(before, -1)
		s.count(o, 1)
	}
	return nil
}

func (s *Server) count(o *stored, sign int64) {
	if o == nil {
		return
	}
	records, _ := strconv.ParseInt(o.metadata.Get("X-Amz-Meta-Hydrant-Records"), 10, 64) // others' objects have none
	s.totals.Objects += sign
	s.totals.Bytes += sign * o.size
	s.totals.Records += sign * records
}

func metadataOf(header http.Header) http.Header {
	kept := http.Header{}
	for name, values := range header {
		if strings.HasPrefix(name, "X-Amz-Meta-") {
			kept[name] = values
		}
	}
	return kept
}

func (s *Server) read(w http.ResponseWriter, r *http.Request) error {
	s.mu.Lock()
	o := s.objects[r.URL.Path]
	s.mu.Unlock()
	if o == nil {
		return noSuchKey
	}
	if r.Method == http.MethodGet && !hidden(r.URL.Path) && s.dir == "" {
		return thrownAway
	}
	for name, values := range o.metadata {
		w.Header()[name] = values
	}
	w.Header().Set("ETag", o.tag)
	w.Header().Set("Content-Length", strconv.FormatInt(o.size, 10))
	if r.Method == http.MethodGet {
		o.content.writeTo(w)
	}
	return nil
}

// writeTo breaks off where the client has gone; a file that cannot be read ends the answer too early, which shows.
func (c content) writeTo(w io.Writer) {
	_, _ = w.Write(c.memory)
	for _, path := range c.files {
		f, err := os.Open(path)
		if err != nil {
			return
		}
		_, err = io.Copy(w, f)
		_ = f.Close() // it was only read
		if err != nil {
			return
		}
	}
}

func (s *Server) remove(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.objects[path]; o != nil && !hidden(path) {
		s.count(o, -1)
	}
	delete(s.objects, path)
	if at, there := slices.BinarySearch(s.paths, path); there {
		s.paths = slices.Delete(s.paths, at, at+1)
	}
}

func answerXML(w http.ResponseWriter, value any) error {
	w.Header().Set("Content-Type", "application/xml")
	_, _ = io.WriteString(w, xml.Header) // the client may have gone
	return xml.NewEncoder(w).Encode(value)
}
