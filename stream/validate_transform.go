package stream

import (
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	maxRetries     = 300
	maxConcurrency = 100

	minBatch = 200 * KiB
	maxBatch = 3 * MiB

	maxBatchInterval = Duration(900 * time.Second)
	minTimeout       = Duration(10 * time.Millisecond)
	maxTimeout       = Duration(15 * time.Minute)

	minWASMMemory = MiB
	maxWASMMemory = GiB
)

func (v *validation) transform() {
	const path = "transform."
	t := v.stream.Transform
	if t == nil {
		return
	}
	given := 0
	for _, set := range []bool{t.Lambda != nil, t.HTTP != nil, t.WASM != nil} {
		if set {
			given++
		}
	}
	if given != 1 {
		v.add("transform", "there are %d functions: write one of lambda, http and wasm", given)
	}
	if t.Retries != nil && (*t.Retries < 0 || *t.Retries > maxRetries) {
		v.add(path+"retries", "there are %d retries; it must be from 0 to %d", *t.Retries, maxRetries)
	}
	if size := t.Buffering.Size; size < minBatch || size > maxBatch {
		v.add(path+"buffering.size", "the size is %v; it must be from %v to %v", size, minBatch, maxBatch)
	}
	if interval := *t.Buffering.Interval; interval < 0 || interval > maxBatchInterval {
		v.add(path+"buffering.interval", "the interval is %v; it must be up to %v", interval, maxBatchInterval)
	}
	if t.Timeout < minTimeout || t.Timeout > maxTimeout {
		v.add(path+"timeout", "the timeout is %v; it must be from %v to %v", t.Timeout, minTimeout, maxTimeout)
	}
	if t.Concurrency < 1 || t.Concurrency > maxConcurrency {
		v.add(path+"concurrency", "there are %d calls at once; it must be from 1 to %d", t.Concurrency, maxConcurrency)
	}
	v.functions(t)
}

func (v *validation) functions(t *Transform) {
	const path = "transform."
	if l := t.Lambda; l != nil {
		if !lambdaARN.MatchString(l.ARN) {
			v.add(path+"lambda.arn", "%q is no ARN of a Lambda function: write one such as arn:aws:lambda:us-east-1:123456789012:function:name", l.ARN)
		}
		if l.Endpoint != "" && !isURL(l.Endpoint) {
			v.add(path+"lambda.endpoint", "%q is no address of a Lambda service: write one such as http://127.0.0.1:9001", l.Endpoint)
		}
		v.region(path+"lambda.", l.Region)
		v.profile(path+"lambda.", l.Profile)
		v.role(path+"lambda.", l.RoleARN, l.External)
	}
	if h := t.HTTP; h != nil {
		if !isURL(h.URL) {
			v.add(path+"http.url", "%q is no address of a function: write one such as http://127.0.0.1:9002/transform", h.URL)
		}
		v.headers(path+"http.headers", h.Headers)
	}
	if w := t.WASM; w != nil {
		if w.Path == "" || !utf8.ValidString(w.Path) {
			v.add(path+"wasm.path", "%q is no path of a module: write one such as ./transform.wasm", w.Path)
		}
		if w.Memory < minWASMMemory || w.Memory > maxWASMMemory {
			v.add(path+"wasm.memory", "the memory is %v; it must be from %v to %v", w.Memory, minWASMMemory, maxWASMMemory)
		}
	}
}

// headerName is a token of HTTP.
var headerName = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

// ownHeaders are set by the node, or concern one connection alone.
var ownHeaders = map[string]bool{
	"Host": true, "Content-Length": true, "Content-Encoding": true, "Transfer-Encoding": true, "Trailer": true, "Te": true,
	"Connection": true, "Keep-Alive": true, "Proxy-Connection": true, "Proxy-Authenticate": true, "Proxy-Authorization": true,
	"Upgrade": true, "Expect": true,
}

// headers never shows a value: they are secrets.
func (v *validation) headers(path string, headers map[string]string) {
	seen := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		canonical := http.CanonicalHeaderKey(name)
		switch {
		case !headerName.MatchString(name):
			v.add(path, "%q is no name of a header: write letters, digits and hyphens, such as X-Key", name)
			continue
		case ownHeaders[canonical]:
			v.add(path+"."+name, "the node sets this header itself: leave it out")
		case seen[canonical] != "":
			v.add(path+"."+name, "it is the same header as %s: leave one out", seen[canonical])
		}
		seen[canonical] = name
		if at := strings.IndexFunc(headers[name], func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f || r == utf8.RuneError }); at >= 0 {
			v.add(path+"."+name, "byte %d of the value is a line feed or another control character, or no UTF-8, which no header may have: take it out", at+1)
		}
	}
}

// isURL says that something can be called there, without credentials in the address.
func isURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil && u.Fragment == "" && utf8.ValidString(text)
}
