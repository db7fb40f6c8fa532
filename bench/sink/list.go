package sink

import (
	"encoding/xml"
	"net/http"
	"slices"
	"strings"
)

// pageSize is S3's.
const pageSize = 1000

// list serves ListObjectsV2, in pages. The token of the next page is the last key of this one.
func (s *Server) list(w http.ResponseWriter, r *http.Request) error {
	type entry struct {
		Key  string
		ETag string
		Size int64
	}
	var page struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		IsTruncated           bool
		Contents              []entry
		NextContinuationToken string `xml:",omitempty"`
	}
	query := r.URL.Query()
	bucket, _ := split(r.URL.Path)
	after := max(query.Get("continuation-token"), query.Get("start-after"))
	all := "/" + bucket + "/" + query.Get("prefix")
	s.mu.Lock()
	from, _ := slices.BinarySearch(s.paths, max(all, "/"+bucket+"/"+after+"\x00"))
	for _, path := range s.paths[from:] {
		if !strings.HasPrefix(path, all) {
			break
		}
		if len(page.Contents) == pageSize {
			page.IsTruncated, page.NextContinuationToken = true, page.Contents[pageSize-1].Key
			break
		}
		_, key := split(path)
		o := s.objects[path]
		page.Contents = append(page.Contents, entry{key, o.tag, o.size})
	}
	s.mu.Unlock()
	return answerXML(w, page)
}
