package s3

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hydrant/delivery"
	"hydrant/stream"
)

// Credentials that the store refuses are read anew: those that somebody has put in their place are used next.
func TestRotatedCredentials(t *testing.T) {
	for _, code := range []string{"ExpiredToken", "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken"} {
		t.Run(code, func(t *testing.T) {
			valid := "AKFIRST"
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !strings.Contains(r.Header.Get("Authorization"), "Credential="+valid+"/") {
					answer(w, r, http.StatusForbidden, code)
					return
				}
				w.Header().Set("ETag", `"x"`)
			}))
			t.Cleanup(server.Close)
			isolate(t)
			file := filepath.Join(t.TempDir(), "credentials")
			rotate := func(key string) {
				text := fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = secret\n", key)
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			rotate("AKFIRST")
			t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file)
			d, err := New(t.Context(), stream.S3{Bucket: "lake", Endpoint: server.URL, PathStyle: true})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = d.Close() })
			if err := d.Create(t.Context(), &example); err != nil {
				t.Fatal(err)
			}
			valid = "AKSECOND"
			expectTrouble(t, "create", d.Create(t.Context(), &example), delivery.Held, true, code)
			expectTrouble(t, "create", d.Create(t.Context(), &example), delivery.Held, true, code)
			rotate("AKSECOND")
			if err := d.Create(t.Context(), &example); err != nil {
				t.Errorf("Create with the new credentials: %v", err)
			}
		})
	}
}
