package auth

import (
	"slices"
	"strings"
	"testing"
)

// What is taken for an Authorization header can be written again with the same meaning, and nothing else is taken.
func FuzzAuthorization(f *testing.F) {
	for _, seed := range []string{
		"AWS4-HMAC-SHA256 Credential=AKID/20261123/us-east-1/firehose/aws4_request, SignedHeaders=host;x-amz-date, Signature=" + strings.Repeat("0a", 32),
		"AWS4-HMAC-SHA256 Credential=A/20261123/r/firehose/aws4_request,SignedHeaders=a;b,Signature=" + strings.Repeat("00", 32),
		"AWS4-HMAC-SHA256 Credential=,Credential=", "AWS4-HMAC-SHA256 ", "Bearer x", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := parseAuthorization([]byte(text))
		if err != nil {
			if reasonOf(err) != Malformed {
				t.Errorf("got %v, want %s", err, Malformed)
			}
			return
		}
		for _, part := range []string{a.keyID + "/" + a.date + "/" + a.region + "/firehose/aws4_request", strings.Join(a.signed, ";")} {
			if !strings.Contains(text, "="+part) {
				t.Errorf("%q is not in %q", part, text)
			}
		}
		if !slices.IsSorted(a.signed) || slices.Contains(a.signed, "") || len(a.date) != 8 {
			t.Errorf("got %+v of %q", a, text)
		}
	})
}

// Nothing that a stranger sends is let through, or worse.
func FuzzStranger(f *testing.F) {
	g, _ := newGuard(f)
	request := newSigned().sign(f)
	f.Add("POST", "/", string(request.lines()), "x")
	f.Add("GET", "/?a&b=1&b=0", "Authorization: Bearer hydrant_\r\n", "")
	f.Fuzz(func(t *testing.T, method, target, lines, body string) {
		if method == request.method && target == request.target && body == request.body {
			return
		}
		for _, taken := range []Scheme{SigV4, APIKey, Certificate, APIKey | Certificate} {
			session := new(Session)
			err := g.Admit(session, Head{Method: []byte(method), Target: []byte(target), Headers: []byte(lines)}, taken)
			if err == nil {
				err = session.Verify([]byte(body))
			}
			if err == nil || session.Verified() || session.May(Records, "clicks") == nil {
				t.Errorf("let through by scheme %d", taken)
			}
		}
	})
}
