package auth

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"time"
)

// keyPrefix lets tools that look for leaked secrets know an API key.
const keyPrefix = "hydrant_"

// NewKey makes an API key of 256 random bits, and the hash that the credentials name it by.
func NewKey() (key, hash string) {
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // never fails
	key = keyPrefix + base64.RawURLEncoding.EncodeToString(secret[:])
	sum := sha256.Sum256([]byte(key))
	return key, hex.EncodeToString(sum[:])
}

// admitKey finds the key by its hash: what the comparison's time tells of a hash is of no use to who does not have the
// key.
func (c *Credentials) admitKey(s *Session, h headers) error {
	const scheme = "bearer "
	value := h.get("authorization")
	if !hasPrefixFold(value, scheme) {
		return &Refusal{Malformed, "Authorization must be Bearer KEY, with an API key of this server"}
	}
	s.principal = c.apiKeys[sha256.Sum256(bytes.TrimLeft(value[len(scheme):], " "))]
	if s.principal == nil {
		return &Refusal{UnknownKey, "the API key is not known here, or not any more"}
	}
	return nil
}

// admitCertificate finds the principal that the certificate's names belong to. The listener has verified its chain; a
// connection may outlive a certificate.
func (c *Credentials) admitCertificate(s *Session, cert *x509.Certificate, now time.Time) error {
	if now.After(cert.NotAfter) {
		return &Refusal{Expired, "the client certificate has expired; connect with a new one"}
	}
	names := append(append([]string{}, cert.DNSNames...), cert.EmailAddresses...)
	for _, uri := range cert.URIs {
		names = append(names, uri.String())
	}
	var found *Principal
	for _, name := range names {
		p := c.certificates[name]
		if p != nil && found != nil && p != found {
			return &Refusal{UnknownKey, "the names of the client certificate belong to several principals"}
		}
		if p != nil {
			found = p
		}
	}
	if found == nil {
		return &Refusal{UnknownKey, "no name of the client certificate is known here"}
	}
	s.principal = found
	return nil
}
