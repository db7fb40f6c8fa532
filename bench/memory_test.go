package bench

import (
	"bytes"
	"context"
	"io"
	"maps"
	"os"
	"slices"
	"testing"
)

// memory is a source in memory: objects by key.
type memory map[string][]byte

func (m memory) list(_ context.Context, visit func(key string) error) error {
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if err := visit(key); err != nil {
			return err
		}
	}
	return nil
}

func (m memory) open(_ context.Context, key string) (io.ReadCloser, error) {
	object, ok := m[key]
	if !ok {
		return nil, os.ErrNotExist
	}
	return io.NopCloser(bytes.NewReader(object)), nil
}

// verifyIn compares a source with a ledger file.
func verifyIn(t *testing.T, s source, ledger string, o VerifyOptions) *Verdict {
	t.Helper()
	b, err := readLedgers([]string{ledger})
	if err != nil {
		t.Fatal(err)
	}
	o.Parallel = max(o.Parallel, 1)
	verdict, err := verifier{options: o, books: b, source: s, progress: io.Discard}.scanAll(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return verdict
}
