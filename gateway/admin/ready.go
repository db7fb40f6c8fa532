package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// A Check is one condition for a node to take requests. Check returns the reason why it does not hold, or nil. It
// answers at once, from what is known already, and may be called from many goroutines at once.
type Check struct {
	Name  string
	Check func() error
	Warns bool // it is told and takes no node out of service: all nodes would go at once
}

// readiness is the JSON form of an answer.
type readiness struct {
	Ready   bool      `json:"ready"`
	Failing []failure `json:"failing"`
	Warning []failure `json:"warning,omitempty"`
}

type failure struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

func evaluate(checks []Check) readiness {
	r := readiness{Failing: []failure{}}
	for _, c := range checks {
		err := c.Check()
		switch {
		case err == nil:
		case c.Warns:
			r.Warning = append(r.Warning, failure{Name: c.Name, Reason: err.Error()})
		default:
			r.Failing = append(r.Failing, failure{Name: c.Name, Reason: err.Error()})
		}
	}
	r.Ready = len(r.Failing) == 0
	return r
}

// text is "ready", or a line for each failing check; and then the warnings.
func (r readiness) text() string {
	var b strings.Builder
	if r.Ready {
		b.WriteString("ready\n")
	}
	for _, f := range r.Failing {
		fmt.Fprintf(&b, "%s: %s\n", f.Name, f.Reason)
	}
	for _, f := range r.Warning {
		fmt.Fprintf(&b, "warning, %s: %s\n", f.Name, f.Reason)
	}
	return b.String()
}

// serveReady answers 200 if every check holds that does not only warn, else 503 with all those that do not.
func serveReady(checks []Check) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		state := evaluate(checks)
		status := http.StatusOK
		if !state.Ready {
			status = http.StatusServiceUnavailable
		}
		w.Header().Set("Cache-Control", "no-store")
		if !wantsJSON(r) {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(state.text()))
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(state)
	}
}

func wantsJSON(r *http.Request) bool {
	return r.URL.Query().Get("format") == "json" || strings.Contains(r.Header.Get("Accept"), "application/json")
}
