package stream

import (
	"regexp"
	"strings"
	"time"
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

	Buffering Batching `json:"buffering" yaml:"buffering"`

	Timeout     Duration `json:"timeout,omitempty" yaml:"timeout"`         // of a call; up to 15m; 0 means 5m
	Concurrency int      `json:"concurrency,omitempty" yaml:"concurrency"` // calls at once, 1 to 100; 0 means 5
}

// Batching says when records are given to a function: at whichever comes first.
type Batching struct {
	Size     Size      `json:"size" yaml:"size"`         // 200 KiB to 3 MiB; 0 means 1 MiB
	Interval *Duration `json:"interval" yaml:"interval"` // after the first of them; 0s to 900s, where 0s waits for no more; none given means 60s
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
	URL     string            `json:"url" yaml:"url"`                   // that each batch of records is posted to
	Headers map[string]string `json:"headers,omitempty" yaml:"headers"` // added to each request; their values are kept secret

	// AllowLinkLocal allows addresses such as 169.254.169.254, which are refused by default: those of clouds' metadata.
	AllowLinkLocal bool `json:"allow_link_local,omitempty" yaml:"allow_link_local"`
}

// WASM is a module that is run in the node: a command of WASI preview 1, with the request on its standard input and the
// response on its standard output.
type WASM struct {
	Path   string `json:"path" yaml:"path"`               // of the module's file
	Memory Size   `json:"memory,omitempty" yaml:"memory"` // that one call may take; 1 MiB to 1 GiB; 0 means 128 MiB
}

func (t Transform) withDefaults() *Transform {
	if t.Retries == nil {
		t.Retries = new(3)
	}
	if t.Buffering.Size == 0 {
		t.Buffering.Size = MiB
	}
	if t.Buffering.Interval == nil {
		t.Buffering.Interval = new(Duration(time.Minute))
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

// Name names the function to people and in error output, where Firehose has the ARN of a Lambda function. The query of a URL
// may hold a secret, and is not shown.
func (t Transform) Name() string {
	name := t.place()
	if path, query, _ := strings.Cut(name, "?"); t.HTTP != nil && query != "" {
		return path + "?xxxxx"
	}
	return name
}

// IsAt reports whether two definitions call one function, however they call it.
func (t Transform) IsAt(o Transform) bool { return t.place() == o.place() }

func (t Transform) place() string {
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
