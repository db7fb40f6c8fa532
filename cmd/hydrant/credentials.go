package main

import (
	"fmt"
	"log/slog"

	"hydrant/buffer/keyring"
	"hydrant/gateway"
	"hydrant/gateway/auth"
)

// keysCommand makes keys.
type keysCommand struct {
	New    keysNewCommand    `cmd:"" help:"Make an API key, print it once, and a credentials file with its hash."`
	Master keysMasterCommand `cmd:"" help:"Make a master key for encryption on the node's disk, and print it: a line of encryption.key_file."`
}

type keysMasterCommand struct{}

// Run prints the key alone.
func (keysMasterCommand) Run(to console) error {
	if _, err := fmt.Fprintln(to.Out, keyring.NewMasterKey()); err != nil {
		return fmt.Errorf("print the key: %w", err)
	}
	return nil
}

type keysNewCommand struct{}

// Run prints the key to the output alone, so that it can be piped to where it is kept, and beside it, to
// where errors go, a whole file of credentials that knows its hash.
func (keysNewCommand) Run(to console) error {
	key, hash := auth.NewKey()
	if _, err := fmt.Fprintln(to.Out, key); err != nil {
		return fmt.Errorf("print the key: %w", err)
	}
	_, err := fmt.Fprintf(to.Err, "# The key is shown this once. This file of credentials knows it by its hash.\n"+
		"# For the console and hydrant top add read to the actions.\n"+
		"principals:\n  producer:\n    api_keys:\n      - sha256: %s\n    allow:\n      - {actions: [records], streams: [\"*\"]}\n", hash)
	return err
}

// open reads the files of the producers' listener; nil where none are named.
func (t TLS) open(log *slog.Logger) (*gateway.TLS, error) {
	if t.Certificate == "" {
		return nil, nil
	}
	return gateway.LoadTLS(gateway.TLSFiles{Certificate: t.Certificate, Key: t.Key, ClientCA: t.ClientCA}, log)
}

// guard judges producers; nil where nobody is asked.
func (c *Config) guard() *auth.Guard {
	if c.Producers == nil {
		return nil
	}
	return auth.NewGuard(c.Producers)
}
