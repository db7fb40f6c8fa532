package bench

import (
	"encoding/xml"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A fakeBucket answers ListObjectsV2, two keys a page, and GetObject, with the bucket in the path.
type fakeBucket struct {
	objects memory
	pages   int
}

func (b *fakeBucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key, ok := strings.CutPrefix(r.URL.Path, "/lake/")
	switch {
	case !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=bench-test/"):
		w.WriteHeader(http.StatusForbidden)
	case r.URL.Path == "/lake" || key == "":
		b.list(w, r)
	case ok && b.objects[key] != nil:
		_, _ = w.Write(b.objects[key])
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func (b *fakeBucket) list(w io.Writer, r *http.Request) {
	type content struct {
		Key  string
		Size int
	}
	page := struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		IsTruncated           bool
		NextContinuationToken string `xml:",omitempty"`
		Contents              []content
	}{}
	keys := slices.DeleteFunc(slices.Sorted(maps.Keys(b.objects)), func(key string) bool {
		return !strings.HasPrefix(key, r.URL.Query().Get("prefix"))
	})
	from, _ := strconv.Atoi(r.URL.Query().Get("continuation-token")) // absent is 0
	to := min(from+2, len(keys))
	for _, key := range keys[from:to] {
		page.Contents = append(page.Contents, content{key, len(b.objects[key])})
	}
	if page.IsTruncated = to < len(keys); page.IsTruncated {
		page.NextContinuationToken = strconv.Itoa(to)
	}
	b.pages++
	_ = xml.NewEncoder(w).Encode(page) // the client will miss it
}

func TestVerifyBucket(t *testing.T) {
	bed := newBed(t)
	fake := &fakeBucket{objects: bed.encode()}
	fake.objects["data/key=k0/"] = []byte{} // a folder's mark
	fake.objects["elsewhere/object"] = []byte("not asked for\n")
	server := httptest.NewServer(fake)
	defer server.Close()
	o := VerifyOptions{
		Ledger: []string{bed.ledger}, S3: "s3://lake/data/", Endpoint: server.URL, PathStyle: true,
		ErrorPrefix: "errors/", Partition: "key", Parallel: 2,
	}
	setCredentials(t)
	v, err := Verify(t.Context(), o, io.Discard)
	if err != nil || !v.OK() || v.Objects != 6 || v.Found != 141 || v.Foreign != 0 {
		t.Errorf("got %+v, %v", v, err)
	}
	if fake.pages != 4 {
		t.Errorf("got %d pages of the listing, want 4", fake.pages)
	}
	o.S3 = "s3://other/data/"
	if _, err := Verify(t.Context(), o, nil); err == nil || !strings.Contains(err.Error(), "list objects") {
		t.Errorf("another bucket: got %v", err)
	}
}

// setCredentials keeps the default chain to the environment.
func setCredentials(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none")
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "bench-test", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "",
		"AWS_REGION": "", "AWS_DEFAULT_REGION": "", "AWS_PROFILE": "",
		"AWS_CONFIG_FILE": none, "AWS_SHARED_CREDENTIALS_FILE": none, "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
}

func TestParseBucket(t *testing.T) {
	for _, c := range []struct {
		location, name, prefix string
		ok                     bool
	}{
		{"s3://lake", "lake", "", true},
		{"s3://lake/", "lake", "", true},
		{"s3://lake/a/b=c/", "lake", "a/b=c/", true},
		{"s3://", "", "", false},
		{"s3:///a", "", "", false},
		{"lake/a", "", "", false},
	} {
		name, prefix, err := ParseBucket(c.location)
		if name != c.name || prefix != c.prefix || (err == nil) != c.ok {
			t.Errorf("%s: got %q, %q, %v", c.location, name, prefix, err)
		}
	}
}
