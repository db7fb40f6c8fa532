package auth

import (
	"strings"
	"testing"
)

// Requests and signatures of AWS's published test suite for Signature Version 4, as far as they are no services' own.
func TestPublishedVectors(t *testing.T) {
	const (
		host = "Host:example.amazonaws.com\n"
		date = "X-Amz-Date:20150830T123600Z\n"
	)
	for _, x := range []struct{ name, method, target, headers, body, signed, signature string }{
		{"get-vanilla", "GET", "/", host + date, "", "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		{"post-vanilla", "POST", "/", host + date, "", "host;x-amz-date", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
		{"get-vanilla-query-order-key-case", "GET", "/?Param2=value2&Param1=value1", host + date, "", "host;x-amz-date", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
		{"get-vanilla-query-order-value", "GET", "/?Param1=value2&Param1=value1", host + date, "", "host;x-amz-date", "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694"},
		{"get-vanilla-empty-query-key", "GET", "/?Param1=value1", host + date, "", "host;x-amz-date", "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
		{"get-unreserved", "GET", "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", host + date, "", "host;x-amz-date", "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
		{"get-utf8", "GET", "/\u1234", host + date, "", "host;x-amz-date", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
		{"get-header-value-trim", "GET", "/", host + "My-Header1: value1\nMy-Header2: \"a   b   c\"\n" + date, "", "host;my-header1;my-header2;x-amz-date", "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
		{"post-header-key-sort", "POST", "/", host + "My-Header1:value1\n" + date, "", "host;my-header1;x-amz-date", "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
		{"post-header-value-case", "POST", "/", host + "My-Header1:VALUE1\n" + date, "", "host;my-header1;x-amz-date", "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"},
		{"post-x-www-form-urlencoded", "POST", "/", "Content-Type:application/x-www-form-urlencoded\n" + host + date, "Param1=value1", "content-type;host;x-amz-date", "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
	} {
		h, err := parseHeaders([]byte(x.headers))
		if err != nil {
			t.Errorf("%s: %v", x.name, err)
			continue
		}
		s := &Session{signature: &signature{
			date:    "20150830T123600Z",
			scope:   "20150830/us-east-1/service/aws4_request",
			signing: signingKey(testSecret, "20150830", "us-east-1", "service"),
		}}
		if !decodeHash(&s.signature.want, x.signature) {
			t.Fatalf("%s: %q is no signature", x.name, x.signature)
		}
		s.canonical = appendCanonical(nil, Head{Method: []byte(x.method), Target: []byte(x.target)}, h, strings.Split(x.signed, ";"))
		if err := s.verifySignature([]byte(x.body)); err != nil {
			t.Errorf("%s: %v\n%s", x.name, err, s.canonical)
		}
	}
}
