package sink

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"
)

// upload is an object in parts that is not visible yet.
type upload struct {
	path     string
	metadata http.Header
	parts    map[string]stored // by number
}

// serveUpload serves the calls of uploads in parts.
func (s *Server) serveUpload(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	switch {
	case r.Method == http.MethodGet && query.Has("uploads"):
		return s.listUploads(w, r)
	case r.Method == http.MethodPost && query.Has("uploads"):
		return s.beginUpload(w, r)
	case r.Method == http.MethodPut && query.Has("partNumber"):
		return s.putPart(w, r)
	case r.Method == http.MethodPost:
		return s.completeUpload(w, r)
	case r.Method == http.MethodDelete:
		return s.abortUpload(w, r)
	}
	return unknownCall
}

func split(path string) (bucket, key string) {
	bucket, key, _ = strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return bucket, key
}

func (s *Server) beginUpload(w http.ResponseWriter, r *http.Request) error {
	s.mu.Lock()
	s.changes++
	id := fmt.Sprintf("upload-%d", s.changes)
	s.uploads[id] = &upload{path: r.URL.Path, metadata: metadataOf(r.Header), parts: map[string]stored{}}
	s.mu.Unlock()
	bucket, key := split(r.URL.Path)
	return answerXML(w, struct {
		XMLName  xml.Name `xml:"InitiateMultipartUploadResult"`
		Bucket   string
		Key      string
		UploadID string `xml:"UploadId"`
	}{Bucket: bucket, Key: key, UploadID: id})
}

// find returns the upload that the request is about. The caller holds the lock.
func (s *Server) find(r *http.Request) (*upload, error) {
	u := s.uploads[r.URL.Query().Get("uploadId")]
	if u == nil || u.path != r.URL.Path {
		return nil, noSuchUpload
	}
	return u, nil
}

func (s *Server) putPart(w http.ResponseWriter, r *http.Request) error {
	size, c, err := s.receive(r)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.find(r)
	if err != nil {
		return err
	}
	s.changes++
	tag := fmt.Sprintf(`"%032x"`, s.changes)
	u.parts[r.URL.Query().Get("partNumber")] = stored{tag: tag, size: size, content: c}
	w.Header().Set("ETag", tag)
	return nil
}

// completeUpload makes the object of the parts that the client names.
func (s *Server) completeUpload(w http.ResponseWriter, r *http.Request) error {
	var named struct {
		Parts []struct {
			Number string `xml:"PartNumber"`
			Tag    string `xml:"ETag"`
		} `xml:"Part"`
	}
	if err := xml.NewDecoder(r.Body).Decode(&named); err != nil {
		return err
	}
	s.mu.Lock()
	u, err := s.find(r)
	if err != nil {
		s.mu.Unlock()
		return err
	}
	o := &stored{metadata: u.metadata}
	for _, p := range named.Parts {
		part, ok := u.parts[p.Number]
		if !ok || part.tag != p.Tag {
			s.mu.Unlock()
			return invalidPart
		}
		o.size += part.size
		o.memory = append(o.memory, part.memory...)
		o.files = append(o.files, part.files...)
	}
	s.mu.Unlock()
	if err := s.store(r, o); err != nil {
		return err
	}
	s.forget(r)
	bucket, key := split(r.URL.Path)
	return answerXML(w, struct {
		XMLName xml.Name `xml:"CompleteMultipartUploadResult"`
		Bucket  string
		Key     string
		ETag    string
	}{Bucket: bucket, Key: key, ETag: o.tag})
}

func (s *Server) forget(r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.uploads, r.URL.Query().Get("uploadId"))
}

func (s *Server) abortUpload(w http.ResponseWriter, r *http.Request) error {
	s.mu.Lock()
	_, err := s.find(r)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	s.forget(r)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) listUploads(w http.ResponseWriter, r *http.Request) error {
	type entry struct {
		Key      string
		UploadID string `xml:"UploadId"`
	}
	var list struct {
		XMLName xml.Name `xml:"ListMultipartUploadsResult"`
		Upload  []entry
	}
	bucket, _ := split(r.URL.Path)
	prefix := r.URL.Query().Get("prefix")
	s.mu.Lock()
	for id, u := range s.uploads {
		in, key := split(u.path)
		if in == bucket && strings.HasPrefix(key, prefix) {
			list.Upload = append(list.Upload, entry{key, id})
		}
	}
	s.mu.Unlock()
	return answerXML(w, list)
}
