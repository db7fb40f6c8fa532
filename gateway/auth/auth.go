// Package auth tells who sent a request and what the sender may do: AWS's Signature Version 4, API keys and client
// certificates, and policies per principal. It knows heads and bodies as bytes and nothing of the rest of the gateway.
//
// A request is judged twice. Admit sees its head and refuses what the head alone can tell, before the body costs
// anything. Verify sees the body as it was sent. What was not admitted, not verified or not allowed may do nothing.
package auth

import (
	"crypto/x509"
	"sync/atomic"
	"time"
)

// Head is a request's head as it was sent. Its bytes are used during Admit only.
type Head struct {
	Method      []byte
	Target      []byte            // of the request line, unchanged
	Headers     []byte            // the lines of all headers, unchanged
	Certificate *x509.Certificate // the client's, verified by the listener; nil without one
}

// A Scheme is a way to show who one is. Schemes combine by or.
type Scheme uint8

// The schemes.
const (
	SigV4 Scheme = 1 << iota
	APIKey
	Certificate
)

// Reason says why a request was refused. Reasons are labels of a metric: they are few and never renamed.
type Reason string

// The reasons.
const (
	Missing        Reason = "missing"         // no credentials of a scheme that is taken here
	Malformed      Reason = "malformed"       // credentials that cannot be read, or that sign too little
	UnknownKey     Reason = "unknown_key"     // nobody has this access key, API key or certificate
	WrongSignature Reason = "wrong_signature" // the signature is not of this request
	WrongToken     Reason = "wrong_token"     // a session token that does not belong to the access key
	Expired        Reason = "expired"         // signed too long ago or in the future, or a certificate that has run out
	Denied         Reason = "denied"          // no policy allows it
)

// Reasons are all of them.
var Reasons = []Reason{Missing, Malformed, UnknownKey, WrongSignature, WrongToken, Expired, Denied}

// A Refusal is why a request is not served. Detail is written for the sender, and gives nothing away to a stranger:
// unknown and wrong read the same.
type Refusal struct {
	Reason Reason
	Detail string
}

func (r *Refusal) Error() string { return string(r.Reason) + ": " + r.Detail }

// Guard judges requests by the credentials in force, which may be replaced at any time. Its methods may be called from
// many goroutines at once.
type Guard struct {
	credentials atomic.Pointer[Credentials]
	now         func() time.Time
}

// NewGuard returns a guard that judges by c.
func NewGuard(c *Credentials) *Guard {
	g := &Guard{now: time.Now}
	g.Set(c)
	return g
}

// Set puts c in force. A request that was admitted before is served under what admitted it.
func (g *Guard) Set(c *Credentials) { g.credentials.Store(c) }

// Session is what is known of one request's sender. The zero Session may do nothing. It is for one goroutine; Reset
// makes it the zero Session again and keeps its room.
type Session struct {
	principal *Principal // nil until admitted
	signature *signature // still to be verified over the body; nil where the head was proof enough
	verified  bool
	canonical []byte // room for the canonical request
}

// Reset forgets everything but the room.
func (s *Session) Reset() { *s = Session{canonical: s.canonical[:0]} }

// Principal is the name of the sender; empty if it is not known.
func (s *Session) Principal() string {
	if s.principal == nil {
		return ""
	}
	return s.principal.name
}

// Admit judges a request by its head: it must show credentials of one of the schemes taken. Errors are of type *Refusal.
func (g *Guard) Admit(s *Session, head Head, taken Scheme) error {
	s.Reset()
	h, err := parseHeaders(head.Headers)
	if err != nil {
		return err
	}
	credentials, now := g.credentials.Load(), g.now()
	switch {
	case taken&SigV4 != 0:
		return credentials.admitSigned(s, head, h, now)
	case taken&APIKey != 0 && h.has("authorization"):
		return credentials.admitKey(s, h)
	case taken&Certificate != 0 && head.Certificate != nil:
		return credentials.admitCertificate(s, head.Certificate, now)
	case taken&APIKey != 0:
		return &Refusal{Missing, "credentials are required: send an API key as Authorization: Bearer KEY, or a client certificate"}
	}
	return &Refusal{Missing, "credentials are required, and none are taken here"}
}

// Verify judges the body as it was sent, before anything is undone. It must be called for every request that was
// admitted, whatever its scheme. Errors are of type *Refusal.
func (s *Session) Verify(body []byte) error {
	if s.principal == nil {
		return &Refusal{Missing, "credentials are required"}
	}
	if s.signature != nil {
		if err := s.verifySignature(body); err != nil {
			s.principal = nil
			return err
		}
	}
	s.verified = true
	return nil
}

// Verified says whether the request is wholly judged and its sender known.
func (s *Session) Verified() bool { return s.principal != nil && s.verified }

// May says whether the sender may do the action with the stream. It answers the same whether the stream exists or not.
// The error is of type *Refusal.
func (s *Session) May(action, stream string) error {
	if s.principal != nil && s.principal.may(action, stream) {
		return nil
	}
	return &Refusal{Denied, "these credentials do not allow " + action + " on this stream"}
}

// MaySome says whether the sender may do the action with any stream at all. The error is of type *Refusal.
func (s *Session) MaySome(action string) error {
	if s.principal != nil && s.principal.maySome(action) {
		return nil
	}
	return &Refusal{Denied, "these credentials do not allow " + action}
}
