package gateway

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// TLSFiles are PEM files. Certificate and Key go together; ClientCA is empty where client certificates are not taken.
type TLSFiles struct {
	Certificate string
	Key         string
	ClientCA    string
}

// checkEvery is how often the files are looked at, at most, by handshakes.
const checkEvery = time.Second

// TLS is the configuration of a listener, made from files that may be replaced at any time. Its methods may be called
// from many goroutines at once.
type TLS struct {
	files  TLSFiles
	logger *slog.Logger

	mu      sync.Mutex
	current *tls.Config
	expiry  time.Time // the earliest of the chain's in force
	stamp   stamp
	checked time.Time

	applied, rejected uint64 // what became of files that were read again
	failed            bool   // the last time
}

// stamp tells one state of the files from another.
type stamp [3]struct {
	changed time.Time
	size    int64
}

// LoadTLS reads the files.
func LoadTLS(files TLSFiles, logger *slog.Logger) (*TLS, error) {
	t := &TLS{files: files, logger: logger}
	return t, t.load(files.stamp())
}

// Reload reads the files. After an error what was in force stays in force.
func (t *TLS) Reload() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.reload(t.files.stamp())
}

// reload is load, and counts what became of it.
func (t *TLS) reload(s stamp) error {
	err := t.load(s)
	if t.failed = err != nil; t.failed {
		t.rejected++
	} else {
		t.applied++
	}
	return err
}

func (t *TLS) load(s stamp) error {
	t.stamp, t.checked = s, time.Now()
	next, err := t.files.config()
	if err != nil {
		return err
	}
	expiry, err := expiryOf(next.Certificates[0])
	if err != nil {
		return fmt.Errorf("read the TLS certificate %s: %w", t.files.Certificate, err)
	}
	t.current, t.expiry = next, expiry
	return nil
}

// expiryOf is when the first certificate of a chain runs out: from then on clients refuse all of it.
func expiryOf(chain tls.Certificate) (earliest time.Time, err error) {
	for _, der := range chain.Certificate {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return earliest, err
		}
		if earliest.IsZero() || c.NotAfter.Before(earliest) {
			earliest = c.NotAfter
		}
	}
	return earliest, nil
}

// Config is what a listener serves with: it asks the files anew. Connections that are open keep what they began with.
func (t *TLS) Config() *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return t.fresh(), nil },
	}
}

// fresh is the configuration in force. Files that cannot be used are told of once, and change nothing: half of a pair
// may be replaced already, and the other half not yet.
func (t *TLS) fresh() *tls.Config {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.look()
}

// look is fresh for who holds the lock.
func (t *TLS) look() *tls.Config {
	if time.Since(t.checked) < checkEvery {
		return t.current
	}
	t.checked = time.Now()
	if s := t.files.stamp(); s != t.stamp {
		if err := t.reload(s); err != nil {
			t.logger.Error("the TLS files have changed and cannot be used: what was in force stays in force", "error", err)
		} else {
			t.logger.Info("the TLS files have changed and are in force", "certificate", t.files.Certificate)
		}
	}
	return t.current
}

func (f TLSFiles) stamp() (s stamp) {
	for i, path := range []string{f.Certificate, f.Key, f.ClientCA} {
		if info, err := os.Stat(path); err == nil {
			s[i].changed, s[i].size = info.ModTime(), info.Size()
		}
	}
	return s
}

func (f TLSFiles) config() (*tls.Config, error) {
	certificate, err := tls.LoadX509KeyPair(f.Certificate, f.Key)
	if err != nil {
		return nil, fmt.Errorf("read the TLS certificate and its key: %w", err)
	}
	config := &tls.Config{
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"http/1.1"},
		Certificates: []tls.Certificate{certificate},
	}
	if f.ClientCA == "" {
		return config, nil
	}
	authorities, err := os.ReadFile(f.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("read the authorities of client certificates: %w", err)
	}
	config.ClientCAs = x509.NewCertPool()
	if !config.ClientCAs.AppendCertsFromPEM(authorities) {
		return nil, errors.New("read the authorities of client certificates: " + f.ClientCA + " holds no certificate in PEM form")
	}
	config.ClientAuth = tls.VerifyClientCertIfGiven
	return config, nil
}
