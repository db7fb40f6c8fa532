package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"slices"
	"strings"
	"sync"
	"time"
)

// What a signature is for.
const (
	service    = "firehose"
	terminator = "aws4_request"
)

// Headers that AWS's clients send, in lower case.
const (
	dateHeader   = "x-amz-date"
	targetHeader = "x-amz-target"
	tokenHeader  = "x-amz-security-token"
	hashHeader   = "x-amz-content-sha256"
)

// Skew is how far from the node's clock a request may have been signed.
const Skew = 15 * time.Minute

const dateLayout = "20060102T150405Z"

// accessKey is a key pair. Its secret never leaves this package.
type accessKey struct {
	id, secret string
	token      [32]byte // SHA-256 of the session token that goes with it; of nothing where none does
	principal  *Principal
}

// decoy stands for every key that nobody has, so that unknown keys cost the same work as known ones.
var decoy = &accessKey{secret: "nobody has this secret", token: sha256.Sum256(nil)}

// signature is a signature that waits for the body.
type signature struct {
	want    [32]byte
	body    string // the body's hash as the client says it; empty if it says none
	scope   string // DATE/REGION/SERVICE/aws4_request
	date    string // x-amz-date
	signing [32]byte
}

func (c *Credentials) admitSigned(s *Session, head Head, h headers, now time.Time) error {
	if !h.has("authorization") {
		return &Refusal{Missing, "Missing Authentication Token: the request must be signed with AWS Signature Version 4, in the header Authorization"}
	}
	a, err := parseAuthorization(h.get("authorization"))
	if err != nil {
		return err
	}
	date := string(h.get(dateHeader))
	if err := checkHead(head, h, a, date, now); err != nil {
		return err
	}
	key := c.accessKeys[a.keyID]
	if key == nil {
		key = decoy
	}
	s.canonical = appendCanonical(s.canonical[:0], head, h, a.signed)
	s.signature = &signature{
		want:    a.signature,
		body:    string(h.get(hashHeader)),
		scope:   strings.Join([]string{a.date, a.region, a.service, terminator}, "/"),
		date:    date,
		signing: c.signing.derive(key, a.date, a.region),
	}
	return s.checkKey(key, h.get(tokenHeader))
}

// checkKey refuses a key that nobody has, and a session token that does not go with the key. Who has no key cannot tell
// the two apart by the answer: it depends on what was sent alone.
func (s *Session) checkKey(key *accessKey, token []byte) error {
	sent := sha256.Sum256(token)
	matches := subtle.ConstantTimeCompare(sent[:], key.token[:]) == 1
	switch {
	case !matches && len(token) > 0:
		return &Refusal{WrongToken, "The security token included in the request is invalid."}
	case key.principal == nil:
		_ = s.verifySignature(nil) // for its work
		return mismatch(UnknownKey)
	case !matches:
		return mismatch(WrongToken)
	}
	s.principal = key.principal
	return nil
}

// checkHead is all that is wrong with a signed request whatever its key.
func checkHead(head Head, h headers, a *authorization, date string, now time.Time) error {
	if len(head.Target) == 0 || head.Target[0] != '/' {
		return incomplete("the target of a signed request must be a path")
	}
	if err := checkSigned(h, a); err != nil {
		return err
	}
	signed, err := time.Parse(dateLayout, date)
	if err != nil || date[:len(a.date)] != a.date {
		return incomplete("X-Amz-Date must be of the form yyyyMMddTHHmmssZ, on the day that Credential names")
	}
	if skew := now.Sub(signed); skew > Skew || skew < -Skew {
		return &Refusal{Expired, "the request was signed at " + date + ", more than 15 minutes from the server's time, " + now.UTC().Format(dateLayout)}
	}
	var hash [32]byte
	if h.has(hashHeader) && !decodeHash(&hash, string(h.get(hashHeader))) {
		return incomplete("X-Amz-Content-Sha256 must be the body's SHA-256; unsigned and streaming bodies are not taken")
	}
	return nil
}

// checkSigned wants every header signed that changes what a request means, and every header there that is signed.
func checkSigned(h headers, a *authorization) error {
	for _, name := range a.signed {
		if !h.has(name) {
			return incomplete("SignedHeaders names a header that was not sent")
		}
	}
	for _, name := range []string{"host", dateHeader} {
		if !slices.Contains(a.signed, name) {
			return incomplete("the header " + name + " must be sent and signed")
		}
	}
	for _, l := range h {
		matters := hasPrefixFold(l.name, "x-amz-") || equalFold(l.name, "content-type") || equalFold(l.name, "content-encoding")
		if matters && !slices.ContainsFunc(a.signed, func(name string) bool { return equalFold(l.name, name) }) {
			return incomplete("the header " + strings.ToLower(string(l.name)) + " was sent and is not signed")
		}
	}
	return nil
}

// verifySignature completes the canonical request by the hash of the body and compares, in constant time.
func (s *Session) verifySignature(body []byte) error {
	hash := sha256.Sum256(body)
	s.canonical = hex.AppendEncode(s.canonical, hash[:])
	encoded := s.canonical[len(s.canonical)-hex.EncodedLen(len(hash)):]
	if s.signature.body != "" && subtle.ConstantTimeCompare([]byte(s.signature.body), encoded) != 1 {
		return mismatch(WrongSignature)
	}
	request := sha256.Sum256(s.canonical)
	text := make([]byte, 0, 192)
	text = append(text, algorithm+"\n"+s.signature.date+"\n"+s.signature.scope+"\n"...)
	text = hex.AppendEncode(text, request[:])
	got := keyed(s.signature.signing[:], text)
	if !hmac.Equal(got[:], s.signature.want[:]) {
		return mismatch(WrongSignature)
	}
	return nil
}

// mismatch says in one text what must not be told apart.
func mismatch(reason Reason) error {
	return &Refusal{reason, "The request signature we calculated does not match the signature you provided, or the access key is not known here. " +
		"Check the access key id, the secret access key and the signing method."}
}

func keyed(key, text []byte) (sum [32]byte) {
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write(text) // never fails
	mac.Sum(sum[:0])
	return sum
}

// signingKey is what requests of one day are signed with for a region and a service.
func signingKey(secret, date, region, service string) [32]byte {
	key := keyed([]byte("AWS4"+secret), []byte(date))
	for _, part := range []string{region, service, terminator} {
		key = keyed(key[:], []byte(part))
	}
	return key
}

// signingKeys remembers what signing keys were derived, at most maxSigningKeys. When there is no more room all are
// forgotten: deriving takes microseconds.
type signingKeys struct {
	mu   sync.Mutex
	keys map[signingScope][32]byte
}

type signingScope struct {
	key          *accessKey
	date, region string
}

const maxSigningKeys = 1024

func (k *signingKeys) derive(key *accessKey, date, region string) [32]byte {
	scope := signingScope{key, date, region}
	k.mu.Lock()
	defer k.mu.Unlock()
	if derived, ok := k.keys[scope]; ok {
		return derived
	}
	derived := signingKey(key.secret, date, region, service)
	if k.keys == nil || len(k.keys) >= maxSigningKeys {
		k.keys = map[signingScope][32]byte{}
	}
	k.keys[scope] = derived
	return derived
}
