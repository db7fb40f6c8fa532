package admin

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestErrorsOfAStream(t *testing.T) {
	handler := routes(Deps{
		Metrics: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler),
		Errors: func(stream string) (any, bool) { return []string{"of " + stream}, stream == "a.b" },
	})
	for path, want := range map[string]string{
		"/streams/a.b/errors":   "200 application/json [\"of a.b\"]\n",
		"/streams/other/errors": "404 text/plain; charset=utf-8 there is no stream \"other\"\n",
	} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if got := fmt.Sprint(w.Code, " ", w.Header().Get("Content-Type"), " ", w.Body); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}
