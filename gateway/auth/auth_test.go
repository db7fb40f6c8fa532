package auth

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// noon is when the tests' requests are signed and judged.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const (
	testID     = "AKIDEXAMPLE"
	testSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	testBody   = `{"DeliveryStreamName":"clicks","Record":{"Data":"YWJj"}}`
)

// newGuard judges at noon, by a principal web with every kind of credential, and temp with a temporary pair.
func newGuard(t testing.TB) (g *Guard, apiKey string) {
	t.Helper()
	apiKey, hash := NewKey()
	credentials, faults := New(Config{Principals: map[string]PrincipalConfig{
		"web": {
			AccessKeys: []AccessKey{{ID: testID, Secret: testSecret}, {ID: "NEXT", Secret: testSecret + "next"}},
			APIKeys:    []KeyHash{{SHA256: hash}},
			Allow:      []Rule{{Actions: []string{Put}, Streams: []string{"clicks", "web-*"}}},
		},
		"temp": {AccessKeys: []AccessKey{{ID: "TEMP", Secret: testSecret, SessionToken: "the token"}}},
	}})
	if faults != nil {
		t.Fatal(faults)
	}
	g = NewGuard(credentials)
	g.now = func() time.Time { return noon }
	return g, apiKey
}

// signed is a request of the AWS API as SDKs sign it, by their own signer. It is changed before it is signed.
type signed struct {
	method, target string
	header         http.Header
	body           string
	key            aws.Credentials
	at             time.Time
	region         string
	service        string
	hash           string // instead of the body's
}

func newSigned() signed {
	return signed{
		method: "POST", target: "/", body: testBody, at: noon, region: "eu-central-1", service: service,
		header: http.Header{
			"Content-Type": {"application/x-amz-json-1.1"},
			"X-Amz-Target": {"Firehose_20150804.PutRecord"},
		},
		key: aws.Credentials{AccessKeyID: testID, SecretAccessKey: testSecret},
	}
}

// sent is a request on its way. Its headers are in the order of their names.
type sent struct {
	method, target string
	header         http.Header
	body           string
}

func (s signed) sign(t fataler) sent {
	t.Helper()
	u, err := url.Parse("http://hydrant.example:8080" + s.target)
	if err != nil {
		t.Fatalf("%v", err)
	}
	request := &http.Request{Method: s.method, URL: u, Header: s.header.Clone(), Host: u.Host, ContentLength: int64(len(s.body))}
	if s.hash == "" {
		sum := sha256.Sum256([]byte(s.body))
		s.hash = hex.EncodeToString(sum[:])
	}
	if err := v4.NewSigner().SignHTTP(context.Background(), s.key, request, s.hash, s.service, s.region, s.at); err != nil {
		t.Fatalf("%v", err)
	}
	request.Header.Set("Host", request.Host)
	request.Header.Set("Content-Length", fmt.Sprint(len(s.body)))
	return sent{method: s.method, target: request.URL.RequestURI(), header: request.Header, body: s.body}
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

func (s sent) lines() []byte {
	var b bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(s.header)) {
		for _, value := range s.header[name] {
			fmt.Fprintf(&b, "%s: %s\r\n", name, value)
		}
	}
	b.WriteString("\r\n")
	return b.Bytes()
}

// judge is both looks at a request.
func (g *Guard) judge(s sent, taken Scheme) (*Session, error) {
	session := new(Session)
	if err := g.Admit(session, Head{Method: []byte(s.method), Target: []byte(s.target), Headers: s.lines()}, taken); err != nil {
		return session, err
	}
	return session, session.Verify([]byte(s.body))
}

func reasonOf(err error) Reason {
	if err == nil {
		return ""
	}
	refused, ok := errors.AsType[*Refusal](err)
	if !ok {
		return Reason("not a refusal: " + err.Error())
	}
	return refused.Reason
}

func TestSignedRequests(t *testing.T) {
	g, _ := newGuard(t)
	for name, x := range map[string]struct {
		change func(*signed)
		tamper func(*sent)
		want   Reason
	}{
		"as signed":          {},
		"another region":     {change: func(s *signed) { s.region = "us-east-1" }},
		"the next key":       {change: func(s *signed) { s.key = aws.Credentials{AccessKeyID: "NEXT", SecretAccessKey: testSecret + "next"} }},
		"15 minutes old":     {change: func(s *signed) { s.at = noon.Add(-Skew) }},
		"15 minutes ahead":   {change: func(s *signed) { s.at = noon.Add(Skew) }},
		"token":              {change: func(s *signed) { s.key.AccessKeyID, s.key.SessionToken = "TEMP", "the token" }},
		"body's hash signed": {change: func(s *signed) { s.header.Set("X-Amz-Content-Sha256", hashOf(s.body)) }},
		"unsigned header added by a proxy": {tamper: func(s *sent) {
			s.header.Set("X-Forwarded-For", "10.0.0.1")
			s.header.Set("X-Amzn-Trace-Id", "1")
		}},
		"unsigned invocation id, as boto3": {tamper: func(s *sent) { s.header.Set("Amz-Sdk-Invocation-Id", "1") }},

		"wrong secret":        {change: func(s *signed) { s.key.SecretAccessKey += "x" }, want: WrongSignature},
		"unknown key":         {change: func(s *signed) { s.key.AccessKeyID = "OTHER" }, want: UnknownKey},
		"another service":     {change: func(s *signed) { s.service = "kinesis" }, want: Malformed},
		"too old":             {change: func(s *signed) { s.at = noon.Add(-Skew - time.Second) }, want: Expired},
		"of the future":       {change: func(s *signed) { s.at = noon.Add(Skew + time.Second) }, want: Expired},
		"wrong token":         {change: func(s *signed) { s.key.AccessKeyID, s.key.SessionToken = "TEMP", "a token" }, want: WrongToken},
		"token left out":      {change: func(s *signed) { s.key.AccessKeyID = "TEMP" }, want: WrongToken},
		"token not asked for": {change: func(s *signed) { s.key.SessionToken = "the token" }, want: WrongToken},
		"token of nobody": {
			change: func(s *signed) { s.key.AccessKeyID, s.key.SessionToken = "OTHER", "the token" }, want: WrongToken,
		},
		"unsigned payload": {change: unsigned("UNSIGNED-PAYLOAD"), want: Malformed},
		"streaming":        {change: unsigned("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"), want: Malformed},
		"unsigned trailer": {change: unsigned("STREAMING-UNSIGNED-PAYLOAD-TRAILER"), want: Malformed},
		"unsigned payload that is not said": {
			change: func(s *signed) { s.hash = "UNSIGNED-PAYLOAD" }, want: WrongSignature,
		},
		"hash of another body": {change: func(s *signed) { s.header.Set("X-Amz-Content-Sha256", hashOf("other")) }, want: WrongSignature},

		"another body":          {tamper: func(s *sent) { s.body += " " }, want: WrongSignature},
		"another method":        {tamper: func(s *sent) { s.method = "PUT" }, want: WrongSignature},
		"another path":          {tamper: func(s *sent) { s.target = "//" }, want: WrongSignature},
		"a query":               {tamper: func(s *sent) { s.target = "/?a" }, want: WrongSignature},
		"an absolute target":    {tamper: func(s *sent) { s.target = "http://hydrant.example:8080/" }, want: Malformed},
		"another operation":     {tamper: set("X-Amz-Target", "Firehose_20150804.PutRecordBatch"), want: WrongSignature},
		"no authorization":      {tamper: remove("Authorization"), want: Missing},
		"two authorizations":    {tamper: double("Authorization"), want: Malformed},
		"two hosts":             {tamper: double("Host"), want: Malformed},
		"two targets":           {tamper: double("X-Amz-Target"), want: Malformed},
		"a bearer":              {tamper: set("Authorization", "Bearer hydrant_key"), want: Malformed},
		"SigV4A":                {tamper: replace("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"), want: Malformed},
		"no date":               {tamper: remove("X-Amz-Date"), want: Malformed},
		"host not signed":       {tamper: replace(";host;", ";"), want: Malformed},
		"date not signed":       {tamper: replace("x-amz-date;", ""), want: Malformed},
		"target not signed":     {tamper: replace(";x-amz-target", ""), want: Malformed},
		"type not signed":       {tamper: replace("content-type;", ""), want: Malformed},
		"encoding not signed":   {tamper: set("Content-Encoding", "gzip"), want: Malformed},
		"token not signed":      {tamper: set("X-Amz-Security-Token", "t"), want: Malformed},
		"hash not signed":       {tamper: set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"), want: Malformed},
		"signed header missing": {tamper: remove("Content-Length"), want: Malformed},
		"scope of another day":  {tamper: replace("/20261123/", "/20261122/"), want: Malformed},
		"presigned": {tamper: func(s *sent) {
			s.target += "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00&X-Amz-Credential=" + testID
			s.header.Del("Authorization")
		}, want: Missing},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSigned()
			if x.change != nil {
				x.change(&s)
			}
			request := s.sign(t)
			if x.tamper != nil {
				x.tamper(&request)
			}
			session, err := g.judge(request, SigV4)
			if got := reasonOf(err); got != x.want {
				t.Errorf("got %v, want %q", err, x.want)
			}
			if session.Verified() != (x.want == "") {
				t.Errorf("verified: %v after %v", session.Verified(), err)
			}
		})
	}
}

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func unsigned(hash string) func(*signed) {
	return func(s *signed) {
		s.header.Set("X-Amz-Content-Sha256", hash)
		s.hash = hash
	}
}

func set(name, value string) func(*sent) { return func(s *sent) { s.header.Set(name, value) } }

func remove(name string) func(*sent) { return func(s *sent) { s.header.Del(name) } }

func double(name string) func(*sent) { return func(s *sent) { s.header.Add(name, s.header.Get(name)) } }

func replace(a, b string) func(*sent) {
	return func(s *sent) { s.header.Set("Authorization", strings.Replace(s.header.Get("Authorization"), a, b, 1)) }
}

// Who has no key learns nothing from the answer: an unknown key, a wrong secret and a token left out read the same.
func TestUnknownAndWrongReadTheSame(t *testing.T) {
	g, _ := newGuard(t)
	texts := map[string]bool{}
	for _, key := range []aws.Credentials{
		{AccessKeyID: testID, SecretAccessKey: "wrong"},
		{AccessKeyID: "OTHER", SecretAccessKey: testSecret},
		{AccessKeyID: "TEMP", SecretAccessKey: testSecret},
	} {
		s := newSigned()
		s.key = key
		_, err := g.judge(s.sign(t), SigV4)
		refused, ok := errors.AsType[*Refusal](err)
		if !ok {
			t.Fatalf("%s: got %v, want a refusal", key.AccessKeyID, err)
		}
		texts[refused.Detail] = true
	}
	if len(texts) != 1 {
		t.Errorf("got %v, want one text", texts)
	}
}

// What the head alone tells is refused before the body is there.
func TestTheHeadAlone(t *testing.T) {
	g, _ := newGuard(t)
	s := newSigned()
	s.key.AccessKeyID = "OTHER"
	request := s.sign(t)
	err := g.Admit(new(Session), Head{Method: []byte("POST"), Target: []byte("/"), Headers: request.lines()}, SigV4)
	if reasonOf(err) != UnknownKey {
		t.Errorf("got %v, want %s", err, UnknownKey)
	}
}

// Each scheme is taken only where it is asked for, and the zero session may do nothing.
func TestDefaultDeny(t *testing.T) {
	g, apiKey := newGuard(t)
	signedRequest := newSigned().sign(t)
	keyed := sent{method: "POST", target: "/", header: http.Header{"Authorization": {"Bearer " + apiKey}}}
	for _, x := range []struct {
		name    string
		request sent
		taken   Scheme
		want    Reason
	}{
		{"signature for SigV4", signedRequest, SigV4, ""},
		{"signature for API keys", signedRequest, APIKey, Malformed},
		{"signature for certificates", signedRequest, Certificate, Missing},
		{"API key for SigV4", keyed, SigV4, Malformed},
		{"API key for API keys", keyed, APIKey | Certificate, ""},
		{"API key for certificates", keyed, Certificate, Missing},
		{"API key for nothing", keyed, 0, Missing},
		{"nothing for SigV4", sent{method: "POST", target: "/"}, SigV4, Missing},
		{"nothing for API keys", sent{method: "POST", target: "/"}, APIKey | Certificate, Missing},
		{"nothing for nothing", sent{method: "POST", target: "/"}, 0, Missing},
	} {
		session, err := g.judge(x.request, x.taken)
		if got := reasonOf(err); got != x.want {
			t.Errorf("%s: got %v, want %q", x.name, err, x.want)
		}
		if session.Verified() != (x.want == "") || (session.May(Records, "clicks") == nil) != (x.want == "") {
			t.Errorf("%s: verified %v, may %v", x.name, session.Verified(), session.May(Records, "clicks"))
		}
	}
	zero := new(Session)
	if zero.Verify(nil) == nil || zero.May(Records, "clicks") == nil || zero.Verified() || zero.Principal() != "" {
		t.Error("the zero session may do something")
	}
}

func TestAPIKeys(t *testing.T) {
	g, apiKey := newGuard(t)
	if !strings.HasPrefix(apiKey, "hydrant_") || len(apiKey) != len("hydrant_")+43 {
		t.Errorf("got the key %q", apiKey)
	}
	for value, want := range map[string]Reason{
		"Bearer " + apiKey:       "",
		"bearer  " + apiKey:      "",
		"Bearer " + apiKey + "x": UnknownKey,
		"Bearer " + apiKey[1:]:   UnknownKey,
		"Bearer ":                Malformed, // the blank is trimmed, as HTTP has it
		"Bearer":                 Malformed,
		"Basic " + apiKey:        Malformed,
		apiKey:                   Malformed,
		"":                       Malformed,
	} {
		session, err := g.judge(sent{header: http.Header{"Authorization": {value}}}, APIKey)
		if got := reasonOf(err); got != want {
			t.Errorf("%q: got %v, want %q", value, err, want)
		}
		if want == "" && session.Principal() != "web" {
			t.Errorf("got the principal %q, want web", session.Principal())
		}
	}
}

// A session that is used again keeps nothing of the request before.
func TestSessionsForget(t *testing.T) {
	g, _ := newGuard(t)
	session := new(Session)
	good := newSigned().sign(t)
	for _, s := range []struct {
		sent
		ok bool
	}{{good, true}, {sent{method: "POST", target: "/"}, false}, {good, true}} {
		err := g.Admit(session, Head{Method: []byte(s.method), Target: []byte(s.target), Headers: s.lines()}, SigV4)
		if (err == nil) != s.ok || session.Verified() || (session.May(PutRecord, "clicks") == nil) != s.ok {
			t.Errorf("got %v, verified %v before the body", err, session.Verified())
		}
		if err := session.Verify([]byte(s.body)); (err == nil) != s.ok || session.Verified() != s.ok {
			t.Errorf("got %v, verified %v", err, session.Verified())
		}
	}
}

// A key that was taken away is refused at once, also on connections that it opened.
func TestCredentialsAreReplaced(t *testing.T) {
	g, _ := newGuard(t)
	request := newSigned().sign(t)
	if _, err := g.judge(request, SigV4); err != nil {
		t.Fatal(err)
	}
	next, faults := New(Config{Principals: map[string]PrincipalConfig{"web": {AccessKeys: []AccessKey{{ID: "NEXT", Secret: testSecret}}}}})
	if faults != nil {
		t.Fatal(faults)
	}
	g.Set(next)
	if _, err := g.judge(request, SigV4); reasonOf(err) != UnknownKey {
		t.Errorf("got %v, want %s", err, UnknownKey)
	}
}
