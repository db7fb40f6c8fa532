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
	s.mu.Lock()
	for path, o := range s.objects {
		in, key := split(path)
		if in == bucket && key > after && strings.HasPrefix(key, query.Get("prefix")) {
			page.Contents = append(page.Contents, entry{key, o.tag, o.size})
		}
	}
	s.mu.Unlock()
	slices.SortFunc(page.Contents, func(a, b entry) int { return strings.Compare(a.Key, b.Key) })
	if len(page.Contents) > pageSize {
		page.Contents = page.Contents[:pageSize]
		page.IsTruncated, page.NextContinuationToken = true, page.Contents[pageSize-1].Key
	}
	return answerXML(w, page)
}
