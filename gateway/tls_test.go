package gateway

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hydrant/gateway/auth"
	"hydrant/gateway/ingest"
)

// authority issues certificates for a test.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a.key = newKey(t)
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.pem = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// issue makes a pair of PEM texts for the serial number and what else change says.
func (a *authority) issue(serial int64, change func(*x509.Certificate)) (cert, key []byte) {
	a.t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if change != nil {
		change(template)
	}
	private := newKey(a.t)
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &private.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		a.t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
}

// pair is issue for a client.
func (a *authority) pair(change func(*x509.Certificate)) tls.Certificate {
	a.t.Helper()
	pair, err := tls.X509KeyPair(a.issue(100, change))
	if err != nil {
		a.t.Fatal(err)
	}
	return pair
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// write writes a file as if a second had passed since it was written last: the kernel's clock of files may stand still for some
// milliseconds, in which two pairs of one size look the same.
func write(t *testing.T, path string, text []byte) {
	t.Helper()
	at := time.Now()
	if before, err := os.Stat(path); err == nil {
		at = before.ModTime().Add(time.Second)
	}
	if err := errors.Join(os.WriteFile(path, text, 0o600), os.Chtimes(path, at, at)); err != nil {
		t.Fatal(err)
	}
}

// tlsFixture is a server with TLS and the files it reads.
type tlsFixture struct {
	*fixture
	authority *authority
	files     TLSFiles
	tls       *TLS
}

func startTLS(t *testing.T, guard *auth.Guard, clients *authority) *tlsFixture {
	t.Helper()
	dir := t.TempDir()
	x := &tlsFixture{authority: newAuthority(t), files: TLSFiles{Certificate: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}}
	x.replace(1)
	if clients != nil {
		x.files.ClientCA = filepath.Join(dir, "clients.pem")
		write(t, x.files.ClientCA, clients.pem)
	}
	var err error
	if x.tls, err = LoadTLS(x.files, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	x.fixture = startGuarded(t, &fakeLog{}, guard, func(d *Deps) { d.TLS = x.tls })
	return x
}

// replace writes a new pair with the serial number.
func (x *tlsFixture) replace(serial int64) {
	cert, key := x.authority.issue(serial, nil)
	write(x.authority.t, x.files.Certificate, cert)
	write(x.authority.t, x.files.Key, key)
}

// secure opens a connection; without a pair the client has no certificate.
func (x *tlsFixture) secure(pairs ...tls.Certificate) (*tls.Conn, error) {
	c, err := tls.Dial("tcp", x.addr, &tls.Config{RootCAs: x.authority.pool(), Certificates: pairs, NextProtos: []string{"h2", "http/1.1"}})
	if err == nil {
		x.t.Cleanup(func() { _ = c.Close() })
		_ = c.SetDeadline(time.Now().Add(patience))
	}
	return c, err
}

// exchange sends one request over a connection of its own. The error may be the handshake's: of TLS 1.3 the client
// learns with the answer what the server thinks of its certificate.
func (x *tlsFixture) exchange(request string, pairs ...tls.Certificate) (answer, error) {
	c, err := x.secure(pairs...)
	if err != nil {
		return answer{}, err
	}
	defer c.Close()
	if _, err := io.WriteString(c, request); err != nil {
		return answer{}, err
	}
	response, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return answer{}, err
	}
	body, err := io.ReadAll(response.Body)
	return answer{response, string(body)}, err
}

// unlook is as if a second had passed since the files were looked at.
func (x *tlsFixture) unlook() {
	x.tls.mu.Lock()
	defer x.tls.mu.Unlock()
	x.tls.checked = time.Time{}
}

func (x *tlsFixture) serial() int64 {
	x.t.Helper()
	c, err := x.secure()
	if err != nil {
		x.t.Fatal(err)
	}
	return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

func TestTLS(t *testing.T) {
	x := startTLS(t, nil, nil)
	for range 2 {
		got, err := x.exchange(post(clicksURL, ndjson, "a\nb"))
		if err != nil || got.StatusCode != 200 {
			t.Errorf("got %v, error %v, want 200", got, err)
		}
	}
	c, err := x.secure()
	if err != nil {
		t.Fatal(err)
	}
	if got := c.ConnectionState().NegotiatedProtocol; got != "http/1.1" {
		t.Errorf("negotiated %q, want http/1.1", got)
	}
	old := &tls.Config{RootCAs: x.authority.pool(), MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	if _, err := tls.Dial("tcp", x.addr, old); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
	plain := x.dial()
	plain.send(post(clicksURL, ndjson, "plain"))
	if got, _ := io.ReadAll(plain); strings.Contains(string(got), " 200 ") {
		t.Errorf("a request without TLS is answered with %q", got)
	}
	if got := x.log.stored(); len(got) != 4 {
		t.Errorf("stored %q, want four records", got)
	}
}

// A body cut short by an orderly end of the connection is not a body that has ended.
func TestTLSBodyCutShort(t *testing.T) {
	x := startTLS(t, nil, nil)
	for _, framing := range []string{"Content-Length: 100", "Transfer-Encoding: chunked"} {
		c, err := x.secure()
		if err != nil {
			t.Fatal(err)
		}
		body := "a\nb\n"
		if strings.HasPrefix(framing, "Transfer") {
			body = fmt.Sprintf("%x\r\n%s\r\n", len(body), body)
		}
		if _, err := io.WriteString(c, head("POST", clicksURL, "Content-Type: "+ndjson, framing)+body); err != nil {
			t.Fatal(err)
		}
		if err := c.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if answer, err := io.ReadAll(c); strings.Contains(string(answer), " 200 ") {
			t.Errorf("%s: got %q, error %v", framing, answer, err)
		}
	}
	if got := x.log.stored(); got != nil {
		t.Errorf("stored %q of bodies cut short", got)
	}
}

// A client that sends on without looking can still read why it was refused.
func TestTLSRefusalCanBeRead(t *testing.T) {
	x := startTLS(t, nil, nil)
	got, err := x.exchange(post(clicksURL, ndjson, strings.Repeat("x", 4_000_000)))
	if err != nil || got.StatusCode != 413 {
		t.Errorf("got %v, error %v, want 413", got, err)
	}
}

// A connection for which there is no room is answered over TLS too, but not so many at once that handshakes take the memory.
func TestTLSWithoutRoom(t *testing.T) {
	x := startTLS(t, nil, nil)
	x.room.open.Add(x.room.limit)
	defer x.room.open.Add(-x.room.limit)
	got, err := x.exchange(post(clicksURL, ndjson, "x"))
	if err != nil || got.StatusCode != 503 || asProblem(t, got).Code != "too_many_connections" || !got.Close {
		t.Errorf("got %v, error %v, want 503", got, err)
	}
	for deadline := time.Now().Add(patience); len(x.room.leaving) > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the refused connection is still there")
		}
	}
	for range mostShaking {
		x.dial() // says nothing
	}
	for deadline := time.Now().Add(patience); len(x.room.leaving) < mostShaking; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d connections shake hands, want %d", len(x.room.leaving), mostShaking)
		}
	}
	if got, err := x.exchange(post(clicksURL, ndjson, "x")); err == nil {
		t.Errorf("one more is answered: %v", got)
	}
}

// A connection that nothing comes from is closed as TLS has it, also where the time to write, which began with the
// handshake, is over with the time to read.
func TestTLSConnectionThatSaysNothing(t *testing.T) {
	x := startTLS(t, nil, nil)
	const short = 200 * time.Millisecond
	s, err := New(Config{Listen: "127.0.0.1:0", ReadTimeout: short, WriteTimeout: short},
		Deps{Log: &fakeLog{}, Catalog: new(ingest.Catalog), TLS: x.tls})
	if err != nil {
		t.Fatal(err)
	}
	address, err := s.Listen()
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	x.addr = address.String()
	for range 50 {
		var c *tls.Conn
		if c, err = x.secure(); err != nil {
			continue // a busy machine: the handshake was not over in time
		}
		if _, err = io.ReadAll(c); err == nil {
			break
		}
	}
	if err != nil {
		t.Errorf("the end of the connection: %v", err)
	}
	if err := errors.Join(s.Shutdown(t.Context()), <-served); err != nil {
		t.Error(err)
	}
}

func TestCertificateIsReloaded(t *testing.T) {
	x := startTLS(t, nil, nil)
	open, err := x.secure()
	if err != nil {
		t.Fatal(err)
	}
	if got := x.serial(); got != 1 {
		t.Errorf("got certificate %d, want 1", got)
	}
	x.replace(20)
	x.unlook()
	if got := x.serial(); got != 20 {
		t.Errorf("after the files changed: got certificate %d, want 20", got)
	}
	cert, _ := x.authority.issue(300, nil) // without its key
	write(t, x.files.Certificate, cert)
	x.unlook()
	if got := x.serial(); got != 20 {
		t.Errorf("with half of a pair: got certificate %d, want 20", got)
	}
	if err := x.tls.Reload(); err == nil {
		t.Error("half of a pair is reloaded without an error")
	}
	x.replace(4000)
	if err := x.tls.Reload(); err != nil {
		t.Error(err)
	}
	if got := x.serial(); got != 4000 {
		t.Errorf("after Reload: got certificate %d, want 4000", got)
	}
	if _, err := io.WriteString(open, post(clicksURL, ndjson, "a")); err != nil {
		t.Error(err)
	}
	if response, err := http.ReadResponse(bufio.NewReader(open), nil); err != nil || response.StatusCode != 200 {
		t.Errorf("the connection that was open: got %v, error %v, want 200", response, err)
	}
}

func TestClientCertificates(t *testing.T) {
	clients := newAuthority(t)
	credentials, faults := auth.New(auth.Config{Principals: map[string]auth.PrincipalConfig{
		"web":    {Certificates: []string{"web.internal", "spiffe://corp/web"}, Allow: []auth.Rule{{Actions: []string{auth.Put}, Streams: []string{"*"}}}},
		"reader": {Certificates: []string{"reader.internal"}},
	}})
	if faults != nil {
		t.Fatal(faults)
	}
	x := startTLS(t, auth.NewGuard(credentials), clients)
	names := func(dns ...string) func(*x509.Certificate) { return func(c *x509.Certificate) { c.DNSNames = dns } }
	for _, test := range []struct {
		name  string
		pairs []tls.Certificate
		want  string // in the answer; empty where there is none
	}{
		{"a known name", []tls.Certificate{clients.pair(names("other", "web.internal"))}, `"records":1`},
		{"a known URI", []tls.Certificate{clients.pair(func(c *x509.Certificate) {
			c.URIs = []*url.URL{{Scheme: "spiffe", Host: "corp", Path: "/web"}}
		})}, `"records":1`},
		{"no certificate", nil, "missing_credentials"},
		{"an unknown name", []tls.Certificate{clients.pair(names("web.internal.evil"))}, "invalid_credentials"},
		{"the common name alone", []tls.Certificate{clients.pair(func(c *x509.Certificate) { c.Subject.CommonName = "web.internal" })}, "invalid_credentials"},
		{"names of two", []tls.Certificate{clients.pair(names("web.internal", "reader.internal"))}, "invalid_credentials"},
		{"without rights", []tls.Certificate{clients.pair(names("reader.internal"))}, "access_denied"},
		{"another authority", []tls.Certificate{x.authority.pair(names("web.internal"))}, ""},
		{"expired", []tls.Certificate{clients.pair(func(c *x509.Certificate) {
			c.DNSNames, c.NotAfter = []string{"web.internal"}, time.Now().Add(-time.Minute)
		})}, ""},
		{"for servers", []tls.Certificate{clients.pair(func(c *x509.Certificate) {
			c.DNSNames, c.ExtKeyUsage = []string{"web.internal"}, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		})}, ""},
	} {
		got, err := x.exchange(post(clicksURL, ndjson, "a"), test.pairs...)
		if (err != nil) != (test.want == "") || !strings.Contains(got.body, test.want) {
			t.Errorf("%s: got %q, error %v, want %q", test.name, got.body, err, test.want)
		}
	}
	if got := x.log.stored(); len(got) != 2 {
		t.Errorf("stored %q, want two records", got)
	}
}
