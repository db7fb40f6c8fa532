package s3

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"hydrant/delivery"
)

// probed is a store as Probe sees it: how many creations of the canary it lets through, and how the rest is answered.
type probed struct {
	mu       sync.Mutex
	lets     int
	refusal  int
	complete int // the end's status
	begin    int
	remove   int
	puts     int
	removed  bool
	keys     map[string]bool
}

func (p *probed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys[r.URL.Path] = true
	switch kind := kindOf(r); {
	case kind == "PUT":
		p.puts++
		if p.puts > p.lets {
			answer(w, r, p.refusal, "")
			return
		}
		w.Header().Set("ETag", `"x"`)
	case kind == "begin" && p.begin != 0:
		answer(w, r, p.begin, "")
	case kind == "complete" && p.complete != 200:
		answer(w, r, p.complete, "")
	case kind == "DELETE":
		p.removed = true
		answer(w, r, p.remove, "")
	default:
		parts := &bucket{headers: map[string]http.Header{}, parts: map[string][]byte{}}
		parts.ServeHTTP(w, r)
	}
}

func TestProbe(t *testing.T) {
	for name, tt := range map[string]struct {
		store *probed
		want  delivery.Conditions
	}{
		"honours all":         {&probed{lets: 1, refusal: 412, complete: 412}, delivery.Conditions{Put: true, Multipart: true}},
		"conflict for a race": {&probed{lets: 1, refusal: 409, complete: 412}, delivery.Conditions{Put: true, Multipart: true}},
		"checks, then writes": {&probed{lets: 3, refusal: 412, complete: 412}, delivery.Conditions{Multipart: true}},
		"ignores all":         {&probed{lets: 99, complete: 200}, delivery.Conditions{}},
		"knows no condition":  {&probed{refusal: 501, complete: 501}, delivery.Conditions{}},
		"ignores the end's":   {&probed{lets: 1, refusal: 412, complete: 200}, delivery.Conditions{Put: true}},
		"knows no parts":      {&probed{lets: 1, refusal: 412, begin: 501}, delivery.Conditions{Put: true}},
		"canary may not be removed": {
			&probed{lets: 1, refusal: 412, complete: 412, remove: 403}, delivery.Conditions{Put: true, Multipart: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.store.remove == 0 {
				tt.store.remove = http.StatusNoContent
			}
			tt.store.keys = map[string]bool{}
			d := dial(t, tt.store.ServeHTTP)
			got, err := d.Probe(t.Context())
			if err != nil || got != tt.want {
				t.Errorf("Probe = %+v, %v, want %+v", got, err, tt.want)
			}
			if !tt.store.removed {
				t.Error("the canary was left")
			}
			for path := range tt.store.keys {
				if !strings.HasPrefix(path, "/lake/.hydrant-probe/") || len(tt.store.keys) != 1 {
					t.Errorf("requests went to %v", tt.store.keys)
				}
			}
		})
	}
}

// A store that is down or wrong is no answer: the probe says what an upload would, and is repeated.
func TestProbeTroubles(t *testing.T) {
	for _, tt := range []struct {
		status int
		code   string
		class  delivery.Class
	}{
		{403, "AccessDenied", delivery.Held},
		{404, "NoSuchBucket", delivery.Held},
		{500, "InternalError", delivery.Transient},
		{503, "SlowDown", delivery.Throttled},
	} {
		d := dial(t, func(w http.ResponseWriter, r *http.Request) { answer(w, r, tt.status, tt.code) })
		_, err := d.Probe(t.Context())
		var trouble *delivery.Error
		if !errors.As(err, &trouble) || trouble.Class != tt.class || d.conditions.Load() != nil {
			t.Errorf("%d %s: Probe = %v, want it %v", tt.status, tt.code, err, tt.class)
		}
	}
}

// Without conditions an object is looked for before it is written.
func TestCreateWithoutConditions(t *testing.T) {
	for _, tt := range []struct {
		head int
		want string
		puts bool
	}{
		{http.StatusNotFound, "", true},
		{http.StatusOK, delivery.ErrExists.Error(), false},
		{http.StatusForbidden, "s3:ListBucket", false},
	} {
		var put http.Header
		d := dial(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodHead {
				answer(w, r, tt.head, "")
				return
			}
			if r.Method == http.MethodGet {
				answer(w, r, http.StatusNotFound, "NoSuchKey")
				return
			}
			put = r.Header
			w.Header().Set("ETag", `"x"`)
		})
		d.conditions.Store(&delivery.Conditions{})
		err := d.Create(t.Context(), &example)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("HEAD answers %d: Create = %v, want %q", tt.head, err, tt.want)
		}
		if (put != nil) != tt.puts || put.Get("If-None-Match") != "" {
			t.Errorf("HEAD answers %d: sent %v", tt.head, put)
		}
	}
}
