package auth

import (
	"bytes"
	"encoding/hex"
	"strings"
)

const algorithm = "AWS4-HMAC-SHA256"

// authorization is a SigV4 Authorization header, taken apart.
type authorization struct {
	keyID   string
	date    string // yyyyMMdd
	region  string
	signed  []string // names of headers, lower case, ascending
	service string

	signature [32]byte
}

// longestPart bounds each part of a credential, in bytes. AWS's key ids have at most 128 characters.
const longestPart = 128

// maxSigned bounds the headers that a signature may name. Real clients name 3 to 9.
const maxSigned = 64

// parseAuthorization reads AWS4-HMAC-SHA256 Credential=ID/DATE/REGION/SERVICE/aws4_request, SignedHeaders=a;b, Signature=HEX.
// The three may come in any order, each once.
func parseAuthorization(value []byte) (*authorization, error) {
	rest, ok := strings.CutPrefix(string(value), algorithm+" ")
	if !ok {
		return nil, incomplete("Authorization must begin with " + algorithm)
	}
	fields := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, ok := strings.Cut(strings.Trim(part, " "), "=")
		if _, twice := fields[name]; !ok || twice {
			return nil, incomplete("Authorization has the parts Credential, SignedHeaders and Signature, each once")
		}
		fields[name] = value
	}
	if len(fields) != 3 {
		return nil, incomplete("Authorization has the parts Credential, SignedHeaders and Signature, each once")
	}
	a := new(authorization)
	if !a.credential(fields["Credential"]) {
		return nil, incomplete("Credential must be KEY-ID/yyyyMMdd/REGION/" + service + "/" + terminator)
	}
	if !a.headers(fields["SignedHeaders"]) {
		return nil, incomplete("SignedHeaders must be names in lower case and ascending order, separated by semicolons")
	}
	if !decodeHash(&a.signature, fields["Signature"]) {
		return nil, incomplete("Signature must be 64 hexadecimal digits in lower case")
	}
	return a, nil
}

func (a *authorization) credential(text string) bool {
	parts := strings.Split(text, "/")
	if len(parts) != 5 || parts[4] != terminator || len(parts[1]) != len("yyyyMMdd") {
		return false
	}
	for _, part := range parts {
		if part == "" || len(part) > longestPart {
			return false
		}
	}
	a.keyID, a.date, a.region, a.service = parts[0], parts[1], parts[2], parts[3]
	return a.service == service
}

func (a *authorization) headers(text string) bool {
	before := ""
	for name := range strings.SplitSeq(text, ";") {
		if name <= before || name != strings.ToLower(name) || len(a.signed) == maxSigned {
			return false
		}
		a.signed = append(a.signed, name)
		before = name
	}
	return true
}

// decodeHash reads 64 hexadecimal digits in lower case, the one form that signers write.
func decodeHash(into *[32]byte, text string) bool {
	if len(text) != hex.EncodedLen(len(into)) || bytes.ContainsAny([]byte(text), "ABCDEF") {
		return false
	}
	_, err := hex.Decode(into[:], []byte(text))
	return err == nil
}

func incomplete(detail string) error { return &Refusal{Malformed, detail} }
