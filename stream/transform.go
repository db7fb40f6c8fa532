package stream

import (
	"net/url"
	"regexp"
	"time"
	"unicode/utf8"
)

// Transform is a function that each record is given to, after Processing and before its partition is chosen. It answers for
// each record with another one, drops it, or says that it failed. Exactly one of Lambda, HTTP and WASM is set. They speak
// the contract of Firehose's transformation functions.
type Transform struct {
	Lambda *Lambda       `json:"lambda,omitempty" yaml:"lambda"`
	HTTP   *HTTPFunction `json:"http,omitempty" yaml:"http"`
	WASM   *WASM         `json:"wasm,omitempty" yaml:"wasm"`

	// Retries is how often a call is made again after the function failed; 0 to 300, none given means 3. What is wrong with
	// the way there, or throttled, is tried again without end.
	Retries *int `json:"retries,omitempty" yaml:"retries"`

	// Buffering says when records are given to the function: at 0.2 to 3 MiB of them, or 0 s to 900 s after the first;
	// 1 MiB and 60 s.
	Buffering Buffering `json:"buffering" yaml:"buffering"`

	Timeout     Duration `json:"timeout,omitempty" yaml:"timeout"`         // of a call; up to 15m; 0 means 5m
	Concurrency int      `json:"concurrency,omitempty" yaml:"concurrency"` // calls at once, 1 to 100; 0 means 5
}

// Lambda is a function of AWS Lambda, or of anything that speaks its Invoke API.
type Lambda struct {
	ARN      string `json:"arn" yaml:"arn"`                           // of the function, with its version or alias where that matters
	Endpoint string `json:"endpoint,omitempty" yaml:"endpoint"`       // URL; empty means AWS
	Region   string `json:"region,omitempty" yaml:"region"`           // empty means the ARN's
	RoleARN  string `json:"role_arn,omitempty" yaml:"role_arn"`       // to assume through STS; empty uses the AWS default chain as it is
	Profile  string `json:"profile,omitempty" yaml:"profile"`         // of the shared AWS files
	External string `json:"external_id,omitempty" yaml:"external_id"` // that the role asks for
}

// HTTPFunction is a URL that the request is posted to and that answers with the response, both as Lambda has them.
type HTTPFunction struct {
	URL     string            `json:"url" yaml:"url"`
	Headers map[string]string `json:"headers,omitempty" yaml:"headers"`

	// AllowLinkLocal allows addresses such as 169.254.169.254, which are refused by default: those of clouds' metadata.
	AllowLinkLocal bool `json:"allow_link_local,omitempty" yaml:"allow_link_local"`
}

// WASM is a module that is run in the node: a command of WASI preview 1, with the request on its standard input and the
// response on its standard output.
type WASM struct {
	Path   string `json:"path" yaml:"path"`               // of the module's file
	Memory Size   `json:"memory,omitempty" yaml:"memory"` // that one call may take; 1 MiB to 1 GiB; 0 means 128 MiB
}

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

func (t Transform) withDefaults() *Transform {
	if t.Retries == nil {
		t.Retries = new(3)
	}
	if t.Buffering.Size == 0 {
		t.Buffering.Size = MiB
	}
	if t.Buffering.Interval == 0 {
		t.Buffering.Interval = Duration(time.Minute)
	}
	if t.Timeout == 0 {
		t.Timeout = Duration(5 * time.Minute)
	}
	if t.Concurrency == 0 {
		t.Concurrency = 5
	}
	if t.WASM != nil && t.WASM.Memory == 0 {
		wasm := *t.WASM
		wasm.Memory = 128 * MiB
		t.WASM = &wasm
	}
	return &t
}

// Name names the function in error output, where Firehose has the ARN of a Lambda function.
func (t Transform) Name() string {
	switch {
	case t.Lambda != nil:
		return t.Lambda.ARN
	case t.HTTP != nil:
		return t.HTTP.URL
	case t.WASM != nil:
		return t.WASM.Path
	}
	return ""
}

// lambdaARN is the form that Firehose takes, with a version or an alias.
var lambdaARN = regexp.MustCompile(`^arn:[a-z0-9-]+:lambda:([a-z0-9-]+):\d{12}:function:[a-zA-Z0-9_-]{1,140}(:(\$LATEST|[a-zA-Z0-9_-]+))?$`)

// RegionOf is the region that a Lambda function's ARN names.
func (l Lambda) RegionOf() string {
	if l.Region != "" {
		return l.Region
	}
	if found := lambdaARN.FindStringSubmatch(l.ARN); found != nil {
		return found[1]
	}
	return ""
}

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
	if interval := t.Buffering.Interval; interval < 0 || interval > maxBatchInterval {
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
	if h := t.HTTP; h != nil && !isURL(h.URL) {
		v.add(path+"http.url", "%q is no address of a function: write one such as http://127.0.0.1:9002/transform", h.URL)
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

// isURL says that something can be called there, without credentials in the address.
func isURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil && u.Fragment == "" && utf8.ValidString(text)
}
