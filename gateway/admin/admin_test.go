package admin

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// start serves on a free port until the test ends and returns the server's URL.
func start(t *testing.T, checks ...Check) (*Server, string) {
	t.Helper()
	registry := prometheus.NewRegistry()
	if err := Register(registry); err != nil {
		t.Fatal(err)
	}
	server := newServer("127.0.0.1:0", registry, checks...)
	if err := server.Listen(); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve() }()
	t.Cleanup(func() {
		if err := server.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return server, "http://" + server.Addr()
}

func newServer(address string, metrics prometheus.Gatherer, checks ...Check) *Server {
	deps := Deps{Ready: checks, Metrics: metrics, Log: slog.New(slog.DiscardHandler)}
	return New(Config{Address: address}, deps)
}

// get requests a URL with the headers, which are names and values in turn.
func get(t *testing.T, url string, headers ...string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func TestPages(t *testing.T) {
	_, url := start(t)
	tests := map[string]struct {
		status      int
		contentType string
		body        string // a part of it
	}{
		"/":                               {http.StatusOK, "text/html; charset=utf-8", `<a href="/readyz">`},
		"/livez":                          {http.StatusOK, "text/plain; charset=utf-8", "ok\n"},
		"/readyz":                         {http.StatusOK, "text/plain; charset=utf-8", "ready\n"},
		"/readyz?format=json":             {http.StatusOK, "application/json", `{"ready":true,"failing":[]}`},
		"/debug/pprof/":                   {http.StatusOK, "text/html; charset=utf-8", "goroutine"},
		"/debug/pprof/cmdline":            {http.StatusOK, "text/plain; charset=utf-8", filepath.Base(os.Args[0])},
		"/debug/pprof/symbol":             {http.StatusOK, "text/plain; charset=utf-8", "num_symbols"},
		"/debug/pprof/heap":               {http.StatusOK, "application/octet-stream", ""},
		"/debug/pprof/trace?seconds=0.01": {http.StatusOK, "application/octet-stream", ""},
		"/debug/pprof/nonesuch":           {http.StatusNotFound, "text/plain; charset=utf-8", "Unknown profile"},
		"/nonesuch":                       {http.StatusNotFound, "text/plain; charset=utf-8", "records go to the producers' listener"},
	}
	for path, test := range tests {
		t.Run(path, func(t *testing.T) {
			response, body := get(t, url+path)
			if response.StatusCode != test.status {
				t.Errorf("got status %d, want %d", response.StatusCode, test.status)
			}
			if got := response.Header.Get("Content-Type"); got != test.contentType {
				t.Errorf("got content type %s, want %s", got, test.contentType)
			}
			if !strings.Contains(body, test.body) {
				t.Errorf("got body %q, want %q in it", body, test.body)
			}
		})
	}
}

func TestOnlyReading(t *testing.T) {
	_, url := start(t)
	for _, path := range []string{"/", "/livez", "/readyz", "/metrics", "/debug/pprof/"} {
		response, err := http.Post(url+path, "text/plain", strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("POST %s: got status %d, want %d", path, response.StatusCode, http.StatusMethodNotAllowed)
		}
	}
}

// What only warns is told, and the node stays in service.
func TestWarningsLeaveANodeReady(t *testing.T) {
	_, url := start(t, Check{Name: "age", Warns: true, Check: func() error { return errors.New("clicks is late") }})
	response, body := get(t, url+"/readyz")
	if response.StatusCode != http.StatusOK || body != "ready\nwarning, age: clicks is late\n" {
		t.Errorf("got status %d and %q", response.StatusCode, body)
	}
	want := readiness{Ready: true, Failing: []failure{}, Warning: []failure{{"age", "clicks is late"}}}
	response, body = get(t, url+"/readyz?format=json")
	if got := decode(t, body); response.StatusCode != http.StatusOK || !reflect.DeepEqual(got, want) {
		t.Errorf("got status %d and %+v, want 200 and %+v", response.StatusCode, got, want)
	}
}

// A producer that has the wrong port is told.
func TestProducersAreSentElsewhere(t *testing.T) {
	_, url := start(t)
	response, err := http.Post(url+"/v1/streams/s/records", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusNotFound || !strings.Contains(string(body), "records go to the producers' listener") {
		t.Errorf("got %d %q, %v", response.StatusCode, body, err)
	}
}

func TestReadyNamesEveryFailingCheck(t *testing.T) {
	_, url := start(t,
		Check{Name: "buffer", Check: func() error { return errors.New(`the disk is "full"`) }},
		Check{Name: "delivery", Check: func() error { return nil }},
		Check{Name: "streams", Check: func() error { return errors.New("clicks is held") }},
	)
	const text = "buffer: the disk is \"full\"\nstreams: clicks is held\n"
	want := readiness{Failing: []failure{{"buffer", `the disk is "full"`}, {"streams", "clicks is held"}}}

	response, body := get(t, url+"/readyz")
	if response.StatusCode != http.StatusServiceUnavailable || body != text {
		t.Errorf("got status %d and %q, want 503 and %q", response.StatusCode, body, text)
	}
	response, body = get(t, url+"/readyz", "Accept", "text/html, application/json;q=0.9")
	if got := decode(t, body); response.StatusCode != http.StatusServiceUnavailable || !reflect.DeepEqual(got, want) {
		t.Errorf("got status %d and %+v, want 503 and %+v", response.StatusCode, got, want)
	}
	response, body = get(t, url+"/readyz?format=json")
	if got := decode(t, body); response.StatusCode != http.StatusServiceUnavailable || !reflect.DeepEqual(got, want) {
		t.Errorf("got status %d and %+v, want 503 and %+v", response.StatusCode, got, want)
	}
	if response, _ := get(t, url+"/livez"); response.StatusCode != http.StatusOK {
		t.Errorf("a node that is not ready lives all the same: got status %d", response.StatusCode)
	}
}

func decode(t *testing.T, body string) readiness {
	t.Helper()
	var r readiness
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		t.Fatalf("%v in %q", err, body)
	}
	return r
}

func TestMetrics(t *testing.T) {
	_, url := start(t)
	response, body := get(t, url+"/metrics")
	if response.StatusCode != http.StatusOK {
		t.Fatalf("got status %d, want 200", response.StatusCode)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"go_goroutines", "process_open_fds", "hydrant_build_info"} {
		if families[name] == nil {
			t.Errorf("the metric %s is missing", name)
		}
	}
	checkBuildInfo(t, families["hydrant_build_info"])
}

func checkBuildInfo(t *testing.T, family *dto.MetricFamily) {
	t.Helper()
	if len(family.GetMetric()) != 1 {
		t.Fatalf("got %d build infos, want 1", len(family.GetMetric()))
	}
	metric := family.GetMetric()[0]
	labels := map[string]string{}
	for _, label := range metric.GetLabel() {
		labels[label.GetName()] = label.GetValue()
	}
	build := ReadBuild()
	want := map[string]string{"version": build.Version, "revision": build.Revision, "goversion": build.Go}
	if !reflect.DeepEqual(labels, want) || metric.GetGauge().GetValue() != 1 {
		t.Errorf("got %v with value %v, want %v with value 1", labels, metric.GetGauge().GetValue(), want)
	}
}

func TestRegisterTwice(t *testing.T) {
	registry := prometheus.NewRegistry()
	if err := Register(registry); err != nil {
		t.Fatal(err)
	}
	if err := Register(registry); err == nil {
		t.Error("the metrics were registered twice without an error")
	}
}

func TestListenNamesTheTakenAddress(t *testing.T) {
	first, _ := start(t)
	second := newServer(first.Addr(), prometheus.NewRegistry())
	err := second.Listen()
	if err == nil || !strings.Contains(err.Error(), first.Addr()) {
		t.Errorf("got %v, want an error that names %s", err, first.Addr())
	}
	if err := second.Serve(); err == nil {
		t.Error("serving without a listener gave no error")
	}
}

func TestShutdownFreesAnUnservedListener(t *testing.T) {
	const attempts = 5 // another process may take the port as soon as it is free
	var err error
	for range attempts {
		if err = takeAfterShutdown(t); err == nil {
			return
		}
	}
	t.Fatalf("the address is still taken: %v", err)
}

// takeAfterShutdown listens where a server does not any more that never served.
func takeAfterShutdown(t *testing.T) error {
	t.Helper()
	server := newServer("127.0.0.1:0", prometheus.NewRegistry())
	if err := server.Listen(); err != nil {
		t.Fatal(err)
	}
	address := server.Addr()
	if err := server.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := server.Serve(); err != nil {
		t.Errorf("serving after the shutdown: got %v, want nil at once", err)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	return listener.Close()
}

// hanging is a check that waits for the test, as no real one may.
func hanging(t *testing.T) (check Check, entered chan struct{}) {
	entered, leave := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(leave) })
	return Check{Name: "hanging", Check: func() error { close(entered); <-leave; return nil }}, entered
}

func TestShutdownCutsOffRequestsWhenItsTimeIsOver(t *testing.T) {
	check, entered := hanging(t)
	server, url := start(t, check)
	answered := make(chan error, 1)
	go func() {
		response, err := http.Get(url + "/readyz")
		if err == nil {
			response.Body.Close()
		}
		answered <- err
	}()
	<-entered
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := server.Shutdown(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
	if err := <-answered; err == nil {
		t.Error("the request was answered, want it cut off")
	}
}
