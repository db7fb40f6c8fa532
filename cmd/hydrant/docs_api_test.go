package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	api "hydrant/gateway/native"
)

const apiPage = "../../docs/api.md"

// The page on the native API has a section for each operation of the OpenAPI document and for no other, each with an example
// that the document describes: its path, method, headers and Content-Type.
func TestAPIPage(t *testing.T) {
	document, err := openapi3.NewLoader().LoadFromData(api.Description)
	if err != nil {
		t.Fatal(err)
	}
	shown := operationsShown(t)
	for path, item := range document.Paths.Map() {
		for method, operation := range item.Operations() {
			name := method + " " + path
			examples, listed := shown[name]
			if !listed || len(examples) == 0 {
				t.Errorf("%s has no section, or no example", name)
			}
			for _, e := range examples {
				e.check(t, name, operation)
			}
			delete(shown, name)
		}
	}
	for name := range shown {
		t.Errorf("%s is no operation of the API", name)
	}
}

// operationsShown are the examples of each section that has an operation as its heading.
func operationsShown(t *testing.T) map[string][]apiExample {
	t.Helper()
	shown := map[string][]apiExample{}
	for section := range strings.SplitSeq(readDoc(t, apiPage), "\n## ") {
		heading, text, _ := strings.Cut(section, "\n")
		name := strings.Trim(heading, "`")
		if name == heading {
			continue // prose
		}
		shown[name] = nil
		for _, c := range commandsOf(t, apiPage, text) {
			for _, words := range commandsIn(c.line) {
				if words[0] == "curl" {
					shown[name] = append(shown[name], parseCurl(words))
				}
			}
		}
	}
	return shown
}

// apiExample is a call as curl makes it.
type apiExample struct {
	method  string
	path    string
	headers map[string]string
}

func parseCurl(words []string) apiExample {
	e := apiExample{method: "GET", headers: map[string]string{}}
	for i, word := range words {
		switch {
		case word == "-d" || word == "--data-binary":
			e.method = "POST"
		case word == "-X":
			e.method = words[i+1]
		case word == "-H":
			name, value, _ := strings.Cut(words[i+1], ": ")
			e.headers[name] = value
		case strings.HasPrefix(word, "http://"):
			_, path, _ := strings.Cut(strings.TrimPrefix(word, "http://"), "/")
			e.path = "/" + strings.Replace(path, "/demo/", "/{stream}/", 1)
		}
	}
	return e
}

func (e apiExample) check(t *testing.T, name string, operation *openapi3.Operation) {
	t.Helper()
	if got := e.method + " " + e.path; got != name {
		t.Errorf("%s: the example calls %s", name, got)
	}
	for header, value := range e.headers {
		if header == "Content-Type" {
			if operation.RequestBody == nil || operation.RequestBody.Value.Content[value] == nil {
				t.Errorf("%s takes no body of %s", name, value)
			}
			continue
		}
		described := slices.ContainsFunc(operation.Parameters, func(p *openapi3.ParameterRef) bool {
			return p.Value.Name == header && p.Value.In == "header" && p.Value.Schema.Value.VisitJSON(value) == nil
		})
		if !described {
			t.Errorf("%s does not describe the header %s: %s", name, header, value)
		}
	}
}
