package gateway

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"hydrant/gateway/ingest"
	"hydrant/gateway/native"
)

// description checks requests and answers against the published description.
type description struct {
	document *openapi3.T
	router   routers.Router
}

func loadDescription(t *testing.T) *description {
	t.Helper()
	asText := func(body io.Reader, _ http.Header, _ *openapi3.SchemaRef, _ openapi3filter.EncodingFn) (any, error) {
		data, err := io.ReadAll(body)
		return string(data), err
	}
	for _, kind := range []string{ndjson, "application/x-protobuf", "application/protobuf", "application/yaml"} {
		openapi3filter.RegisterBodyDecoder(kind, asText)
	}
	openapi3filter.RegisterBodyDecoder("application/problem+json", openapi3filter.JSONBodyDecoder)
	document, err := openapi3.NewLoader().LoadFromData(native.Description)
	if err != nil {
		t.Fatal(err)
	}
	if err := document.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	document.Servers = nil // the tests' own
	router, err := legacy.NewRouter(document)
	if err != nil {
		t.Fatal(err)
	}
	return &description{document, router}
}

// input is a request as the description sees it; an error says that it has no such operation.
func (d *description) input(t *testing.T, script string) (*openapi3filter.RequestValidationInput, error) {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(script)))
	if err != nil {
		return nil, err
	}
	route, parameters, err := d.router.FindRoute(r)
	if err != nil {
		return nil, err
	}
	return &openapi3filter.RequestValidationInput{
		Request: r, PathParams: parameters, Route: route,
		Options: &openapi3filter.Options{IncludeResponseStatus: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
	}, nil
}

func (d *description) checkAnswer(in *openapi3filter.RequestValidationInput, got answer) error {
	return openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: got.StatusCode, Header: got.Header, Body: io.NopCloser(strings.NewReader(got.body)),
		Options: in.Options,
	})
}

// What is taken is described, and so is its answer.
func TestTakenAsDescribed(t *testing.T) {
	d, f := loadDescription(t), start(t, &fakeLog{})
	c := f.dial()
	for _, script := range []string{
		post(clicksURL, "application/json", `{"a":1}`),
		post(clicksURL, "application/json", `[{"a":1},17,"text"]`),
		post(clicksURL, ndjson, "a\nb\n", "Idempotency-Key: some-key"),
		post(clicksURL, ndjson, gzipped("a\nb\n"), "Content-Encoding: gzip"),
		post(clicksURL, "application/x-protobuf", protobuf([]string{"a"})),
		post(clicksURL, "application/protobuf", protobuf([]string{"a"})),
		post(clicksURL, "application/octet-stream", "\x00"),
		request("POST", flushURL, ""),
		request("GET", "/v1/openapi.yaml", ""),
		request("GET", "/v1/records.proto", ""),
	} {
		in, err := d.input(t, script)
		if err != nil {
			t.Fatal(err)
		}
		if err := openapi3filter.ValidateRequest(t.Context(), in); err != nil {
			t.Errorf("%.200q: %v", script, err)
		}
		got := c.do(script)
		if got.StatusCode != http.StatusOK {
			t.Errorf("%.200q: got %d %s", script, got.StatusCode, got.body)
		}
		if err := d.checkAnswer(in, got); err != nil {
			t.Errorf("the answer to %.200q: %v", script, err)
		}
	}
}

// What is refused is refused as described.
func TestRefusedAsDescribed(t *testing.T) {
	d, f := loadDescription(t), start(t, &fakeLog{})
	described := 0
	for _, r := range nativeRefusals {
		in, err := d.input(t, r.request)
		if err != nil {
			continue // another path, or method: not described
		}
		described++
		if err := d.checkAnswer(in, f.dial().do(r.request)); err != nil {
			t.Errorf("%s: %v", r.name, err)
		}
	}
	if described < 20 {
		t.Errorf("only %d refusals are described", described)
	}
}

// firehoseOnly are the codes that the native API never answers with.
var firehoseOnly = []ingest.Code{
	ingest.Validation, ingest.BatchTooLarge, ingest.UnknownOperation, ingest.InvalidToken, ingest.RequestExpired,
	ingest.InvalidArgument, ingest.StreamInUse, ingest.VersionConflict, ingest.LimitExceeded,
}

// Every code is described, with a status that is.
func TestEveryCodeIsDescribed(t *testing.T) {
	d := loadDescription(t)
	var described []string
	for _, v := range d.document.Components.Schemas["Code"].Value.Enum {
		described = append(described, v.(string))
	}
	var want []string
	answers := d.document.Paths.Find("/v1/streams/{stream}/records").Post.Responses
	for code := range ingest.Codes {
		if slices.Contains(firehoseOnly, code) {
			continue
		}
		want = append(want, string(code))
		if answers.Status(code.Status()) == nil {
			t.Errorf("the status %d of %s is not described", code.Status(), code)
		}
	}
	slices.Sort(described)
	slices.Sort(want)
	if !slices.Equal(described, want) {
		t.Errorf("described are %q, want %q", described, want)
	}
}

var update = flag.Bool("update", false, "write docs/errors.md anew")

const errorsFile = "../docs/errors.md"

// The list of codes says what the code does.
func TestErrorsAreListed(t *testing.T) {
	var want bytes.Buffer
	want.WriteString("# Errors of the native API\n\n" +
		"A refusal is a problem of [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) with the members `type`, `title`, `status`, `detail`\n" +
		"(for people) and `code` (for programs: never renamed), and `limit` and `size` where a limit was broken. Nothing of the request\n" +
		"was stored, unless the code is `internal`. 503 comes with `Retry-After`.\n\n| code | status | when |\n|---|---|---|\n")
	var codes []ingest.Code
	for code := range ingest.Codes {
		if !slices.Contains(firehoseOnly, code) {
			codes = append(codes, code)
		}
	}
	slices.SortFunc(codes, func(a, b ingest.Code) int {
		return strings.Compare(fmt.Sprint(a.Status(), a), fmt.Sprint(b.Status(), b))
	})
	for _, code := range codes {
		fmt.Fprintf(&want, "| `%s` | %d | %s |\n", code, code.Status(), ingest.Codes[code].Meaning)
	}
	if *update {
		if err := os.WriteFile(errorsFile, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(errorsFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, want.Bytes()) {
		t.Error("docs/errors.md does not say what the code does: run go test ./gateway -run ErrorsAreListed -update")
	}
}
