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
	stamp   stamp
	checked time.Time
}

// stamp tells one state of the files from another.
type stamp [3]struct {
	changed time.Time
	size    int64
}

// LoadTLS reads the files.
func LoadTLS(files TLSFiles, logger *slog.Logger) (*TLS, error) {
	t := &TLS{files: files, logger: logger}
	return t, t.Reload()
}

// Reload reads the files. After an error what was in force stays in force.
func (t *TLS) Reload() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.load(t.files.stamp())
}

func (t *TLS) load(s stamp) error {
	t.stamp, t.checked = s, time.Now()
	next, err := t.files.config()
	if err != nil {
		return err
	}
	t.current = next
	return nil
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
	if time.Since(t.checked) < checkEvery {
		return t.current
	}
	t.checked = time.Now()
	if s := t.files.stamp(); s != t.stamp {
		if err := t.load(s); err != nil {
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
