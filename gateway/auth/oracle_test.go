package auth

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"pgregory.net/rapid"
)

// Whatever AWS's own signer signs is let through: any method, path, query, headers and body.
func TestWhatTheSDKSigns(t *testing.T) {
	g, _ := newGuard(t)
	rapid.Check(t, func(t *rapid.T) {
		request := drawSigned(t).sign(t)
		if _, err := g.judge(request, SigV4); err != nil {
			t.Fatalf("%v\n%s %s\n%s", err, request.method, request.target, request.lines())
		}
	})
}

func drawSigned(t *rapid.T) signed {
	s := newSigned()
	s.method = rapid.SampledFrom([]string{"POST", "GET", "PUT"}).Draw(t, "method")
	s.body = string(rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "body"))
	s.region = rapid.StringMatching(`[a-z]{2}-[a-z]{4,9}-[1-9]`).Draw(t, "region")
	s.target = "/" + strings.Join(rapid.SliceOfN(rapid.SampledFrom(
		[]string{"a", "Z", "0", "/", ".", "..", "-", "_", "~", "%20", "%2F", "%C3%BC", "*", "'", "(", "$", "!", ":", "@", "=", "+", ","}), 0, 12).Draw(t, "path"), "")
	if strings.HasPrefix(s.target, "//") {
		s.target = "/x" + s.target // else the path would be read as a host
	}
	if query := rapid.SliceOfN(rapid.SampledFrom(
		[]string{"a=1", "a", "b=%20", "a=0", "B=x", "%C3%BC=1", "a=+", "c==", "d=~", "a-b=1", "e=/", "a=%2B"}), 0, 6).Draw(t, "query"); len(query) > 0 {
		s.target += "?" + strings.Join(query, "&")
	}
	value := rapid.StringMatching(`[!-~]([ -~]{0,20}[!-~])?`)
	for i := range rapid.IntRange(0, 4).Draw(t, "headers") {
		name := http.CanonicalHeaderKey(rapid.SampledFrom([]string{"X-Amz-Meta-", "My-", "Zz"}).Draw(t, "name") + strconv.Itoa(i))
		s.header[name] = rapid.SliceOfN(value, 1, 3).Draw(t, "values")
	}
	if rapid.Bool().Draw(t, "temporary") {
		s.key = aws.Credentials{AccessKeyID: "TEMP", SecretAccessKey: testSecret, SessionToken: "the token"}
	}
	return s
}

// Of a signed request no byte can be changed: 20,000 changes of one byte in what is signed, and in the signature.
func TestMutations(t *testing.T) {
	g, _ := newGuard(t)
	mutations := 20_000
	if text := os.Getenv("HYDRANT_TEST_MUTATIONS"); text != "" {
		var err error
		if mutations, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	s := newSigned()
	s.target = "/base/path?a=1&b=%20"
	s.header.Set("X-Amz-Content-Sha256", hashOf(s.body))
	s.key = aws.Credentials{AccessKeyID: "TEMP", SecretAccessKey: testSecret, SessionToken: "the token"}
	request := s.sign(t)
	if _, err := g.judge(request, SigV4); err != nil {
		t.Fatalf("before any mutation: %v", err)
	}
	message := fmt.Sprintf("%s\x00%s\x00%s\x00%s", request.method, request.target, bytes.TrimSpace(request.lines()), request.body)
	tried := 0
	for position := 0; tried < mutations; position = (position + 1) % len(message) {
		mutated := []byte(message)
		mutated[position] += byte(1 + (tried*7+position)%255)
		if sameMeaning(message, string(mutated), position) {
			continue
		}
		tried++
		if err := judgeMessage(g, mutated); err == nil {
			t.Fatalf("byte %d changed from %q to %q in %q was let through", position, message[position], mutated[position], message)
		}
	}
	t.Logf("%d mutations, all refused", tried)
}

// sameMeaning holds for changes that HTTP and the signature rightly do not see: the case of a header's name, the blanks
// around its value, and the parts that this test puts between the parts.
func sameMeaning(before, after string, position int) bool {
	old, changed := before[position], after[position]
	if old == 0 {
		return true
	}
	start := strings.LastIndexAny(before[:position], "\n\x00") + 1
	inName := position < start+strings.Index(before[start:], ": ")
	blanks := func(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }
	return inName && old|0x20 == changed|0x20 || blanks(old) && blanks(changed) || old == '\r'
}

func judgeMessage(g *Guard, message []byte) error {
	parts := strings.SplitN(string(message), "\x00", 4)
	if len(parts) < 4 {
		return fmt.Errorf("not four parts")
	}
	session := new(Session)
	head := Head{Method: []byte(parts[0]), Target: []byte(parts[1]), Headers: []byte(parts[2])}
	if err := g.Admit(session, head, SigV4); err != nil {
		return err
	}
	return session.Verify([]byte(parts[3]))
}
