package s3

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hydrant/delivery"
	"hydrant/stream"
)

const exampleRole = "arn:aws:iam::123456789012:role/delivery"

// tokenService is an STS that lends a session key, or answers as a test asks.
type tokenService struct {
	mu     sync.Mutex
	asked  []url.Values
	askers []string // access keys that signed
	kept   int      // connections that were to wait for another request
	answer http.HandlerFunc
}

func (s *tokenService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(body))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, form)
	s.askers = append(s.askers, accessKey(r))
	if !r.Close {
		s.kept++
	}
	if s.answer != nil {
		s.answer(w, r)
		return
	}
	_, _ = fmt.Fprintf(w, `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA%d</AccessKeyId>
		<SecretAccessKey>secret</SecretAccessKey><SessionToken>session%d</SessionToken><Expiration>%s</Expiration>
		</Credentials></AssumeRoleResult></AssumeRoleResponse>`, len(s.asked), len(s.asked), time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
}

// reply changes how it answers.
func (s *tokenService) reply(answer http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

// seen returns what it was asked, and by whom.
func (s *tokenService) seen() (asked []url.Values, askers []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked), slices.Clone(s.askers)
}

// accessKey is the key that a request is signed with.
func accessKey(r *http.Request) string {
	_, rest, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	key, _, _ := strings.Cut(rest, "/")
	return key
}

// keyed is a bucket that notes whose credentials it sees, and refuses some.
type keyed struct {
	mu      sync.Mutex
	keys    []string
	tokens  []string
	refused map[string]string // codes by access key
}

func (k *keyed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key := accessKey(r)
	k.keys = append(k.keys, key)
	k.tokens = append(k.tokens, r.Header.Get("X-Amz-Security-Token"))
	if code := k.refused[key]; code != "" {
		answer(w, r, http.StatusForbidden, code)
		return
	}
	w.Header().Set("ETag", `"x"`)
}

// refuse has the requests of an access key refused with the code.
func (k *keyed) refuse(key, code string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.refused[key] = code
}

// seen returns whose requests came.
func (k *keyed) seen() (keys, tokens []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.keys), slices.Clone(k.tokens)
}

// dialAs makes a destination with the definition's credentials, where the environment holds AKENV's and the shared files
// a profile with AKLAKE's.
func dialAs(t *testing.T, definition stream.S3) (*Destination, *keyed, *tokenService) {
	t.Helper()
	isolate(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKENV")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	file := filepath.Join(t.TempDir(), "credentials")
	text := "[default]\naws_access_key_id = AKDEFAULT\naws_secret_access_key = secret\n" +
		"[lake]\naws_access_key_id = AKLAKE\naws_secret_access_key = secret\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file)
	store, service := &keyed{refused: map[string]string{}}, &tokenService{}
	storeServer, serviceServer := httptest.NewServer(store), httptest.NewServer(service)
	t.Cleanup(storeServer.Close)
	t.Cleanup(serviceServer.Close)
	t.Setenv("AWS_ENDPOINT_URL_STS", serviceServer.URL)
	definition.Bucket, definition.Endpoint, definition.PathStyle = "lake", storeServer.URL, true
	d, err := New(t.Context(), definition)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d, store, service
}

// Each definition has credentials of its own: the default chain's, a profile's, or a role's, which is assumed with either.
func TestWhoseCredentials(t *testing.T) {
	for name, tt := range map[string]struct {
		definition  stream.S3
		key, token  string
		asker       string // of STS
		asSession   string
		asExternal  string
		assumedRole string
	}{
		"chain":   {definition: stream.S3{}, key: "AKENV"},
		"profile": {definition: stream.S3{Profile: "lake"}, key: "AKLAKE"},
		"role": {
			definition: stream.S3{RoleARN: exampleRole}, key: "ASIA1", token: "session1",
			asker: "AKENV", asSession: "hydrant", assumedRole: exampleRole,
		},
		"role with a profile": {
			definition: stream.S3{Profile: "lake", RoleARN: exampleRole, ExternalID: "ext-1", RoleSessionName: "edge-1"},
			key:        "ASIA1", token: "session1",
			asker: "AKLAKE", asSession: "edge-1", asExternal: "ext-1", assumedRole: exampleRole,
		},
	} {
		t.Run(name, func(t *testing.T) {
			d, store, service := dialAs(t, tt.definition)
			for range 2 { // the second with what is cached
				if err := d.Create(t.Context(), &example); err != nil {
					t.Fatal(err)
				}
			}
			keys, tokens := store.seen()
			if keys[1] != tt.key || tokens[1] != tt.token {
				t.Errorf("signed by %q with token %q, want %q and %q", keys[1], tokens[1], tt.key, tt.token)
			}
			asked, askers := service.seen()
			if tt.asker == "" {
				if len(asked) > 0 {
					t.Errorf("STS was asked: %v", asked)
				}
				return
			}
			if len(asked) != 1 || askers[0] != tt.asker {
				t.Fatalf("STS was asked by %q, want once by %s", askers, tt.asker)
			}
			form := asked[0]
			got := []string{form.Get("Action"), form.Get("RoleArn"), form.Get("RoleSessionName"), form.Get("ExternalId")}
			want := []string{"AssumeRole", tt.assumedRole, tt.asSession, tt.asExternal}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("STS was asked for %q, want %q", got, want)
			}
		})
	}
}

// A session that the store takes for ended is followed by another.
func TestEndedSession(t *testing.T) {
	d, store, service := dialAs(t, stream.S3{RoleARN: exampleRole})
	store.refuse("ASIA1", "ExpiredToken")
	expectTrouble(t, "create", d.Create(t.Context(), &example), delivery.Held, true, "ExpiredToken")
	if err := d.Create(t.Context(), &example); err != nil {
		t.Errorf("Create with a new session: %v", err)
	}
	asked, _ := service.seen()
	if keys, _ := store.seen(); len(asked) != 2 || keys[1] != "ASIA2" {
		t.Errorf("STS was asked %d times, the store saw %q", len(asked), keys)
	}
}

// STS's trouble is told from that of credentials, and nothing was sent to the store.
func TestRoleTroubles(t *testing.T) {
	refuse := func(status int, code string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, "<ErrorResponse><Error><Code>%s</Code><Message>told so</Message></Error></ErrorResponse>", code)
		}
	}
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		class  delivery.Class
		text   string
	}{
		"not trusted":  {refuse(403, "AccessDenied"), delivery.Held, "assume the role " + exampleRole},
		"what to do":   {refuse(403, "AccessDenied"), delivery.Held, "have its trust policy allow these credentials sts:AssumeRole"},
		"invalid role": {refuse(400, "ValidationError"), delivery.Held, "told so"},
		"out of order": {refuse(500, "InternalFailure"), delivery.Transient, "InternalFailure"},
		"asks for less": {
			refuse(400, "Throttling"), delivery.Throttled, "Throttling",
		},
		"no answer": {func(w http.ResponseWriter, _ *http.Request) { cut(w) }, delivery.Transient, "assume the role"},
	} {
		t.Run(name, func(t *testing.T) {
			d, store, service := dialAs(t, stream.S3{RoleARN: exampleRole})
			service.reply(tt.answer)
			expectTrouble(t, "create", d.Create(t.Context(), &example), tt.class, true, tt.text)
			asked, _ := service.seen()
			if keys, _ := store.seen(); len(keys) > 0 || len(asked) != 1 {
				t.Errorf("the store saw %q, STS %d requests; want none and 1", keys, len(asked))
			}
			service.reply(nil)
			if err := d.Create(t.Context(), &example); err != nil {
				t.Errorf("Create once STS lends the role: %v", err)
			}
		})
	}
}

// A session outlives a connection that waits for the next request.
func TestConnectionsToTokenServiceAreNotKept(t *testing.T) {
	d, _, service := dialAs(t, stream.S3{RoleARN: exampleRole})
	if err := d.ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if service.kept != 0 || len(service.asked) != 1 {
		t.Errorf("%d connections are kept after %d requests", service.kept, len(service.asked))
	}
}

// Without credentials to assume it with, a role is not to blame.
func TestRoleWithoutCredentials(t *testing.T) {
	isolate(t)
	d, err := New(t.Context(), stream.S3{Bucket: "lake", Endpoint: "http://127.0.0.1:9", RoleARN: exampleRole})
	if err != nil {
		t.Fatal(err)
	}
	err = d.Create(t.Context(), &example)
	expectTrouble(t, "create", err, delivery.Held, true, "no credentials")
	if strings.Contains(err.Error(), "assume the role") {
		t.Errorf("%v blames the role", err)
	}
}

func TestMissingProfile(t *testing.T) {
	isolate(t)
	_, err := New(t.Context(), stream.S3{Bucket: "lake", Endpoint: "http://127.0.0.1:9", Profile: "nobody"})
	if err == nil || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("New = %v, want an error that names the profile", err)
	}
}
