package control

import (
	_ "embed"
	"encoding/json"
	"regexp"
	"strings"
	"sync"
)

// modelText is what the constraints of a call are checked by: the shapes of the control plane's inputs in AWS's own
// service model firehose/2015-08-04 as botocore 1.43.11 has it (Apache License 2.0), less its prose. CompressionFormat is
// in the order that AWS tells it in. The SDK's types have no constraints.
//
//go:embed model.json
var modelText []byte

// model is the service model. It is immutable.
type model struct {
	Operations map[string]string `json:"operations"` // the input's shape, by operation
	Shapes     map[string]*shape `json:"shapes"`
}

type shape struct {
	Type     string            `json:"type"`
	Required []string          `json:"required"`
	Members  map[string]string `json:"members"` // of a structure: shapes by member
	Member   string            `json:"member"`  // of a list
	Key      string            `json:"key"`     // of a map
	Value    string            `json:"value"`   // of a map
	Min      *float64          `json:"min"`     // length, or value of a number
	Max      *float64          `json:"max"`     // the same
	Pattern  string            `json:"pattern"` // of the whole string
	Enum     []string          `json:"enum"`    // in AWS's order
	matches  func(string) bool // nil without a pattern
}

var firehoseModel = sync.OnceValue(func() *model {
	m := new(model)
	if err := json.Unmarshal(modelText, m); err != nil {
		panic("control: the embedded model is JSON: " + err.Error())
	}
	for _, s := range m.Shapes {
		if s.Pattern != "" {
			s.matches = compile(s.Pattern)
		}
	}
	return m
})

// hostLabel is what the model writes with lookaround, and the same without.
const (
	hostLabel     = `((?!-)[A-Za-z0-9-]{1,63}(?<!-)\.)+`
	hostLabelHere = `([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+`
)

// compile makes a pattern of the model one of Go, which has no lookaround. AWS applies patterns to whole strings.
func compile(pattern string) func(string) bool {
	forbidden := func(string) bool { return false }
	if rest, ok := strings.CutPrefix(pattern, `^(?!\s*$)`); ok {
		pattern, forbidden = rest, func(text string) bool { return strings.TrimSpace(text) == "" }
	}
	if rest, ok := strings.CutPrefix(pattern, `^(?!aws:)`); ok {
		pattern, forbidden = rest, func(text string) bool { return strings.HasPrefix(text, "aws:") }
	}
	pattern = strings.Replace(pattern, hostLabel, hostLabelHere, 1)
	pattern = strings.ReplaceAll(pattern, `\u0001-\uFFFF`, `\x{1}-\x{FFFF}`)
	whole := regexp.MustCompile(`^(?:` + pattern + `)$`)
	return func(text string) bool { return !forbidden(text) && whole.MatchString(text) }
}
