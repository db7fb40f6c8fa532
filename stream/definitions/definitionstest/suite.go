// Package definitionstest is the contract of definitions.Store as tests, which every store passes.
package definitionstest

import (
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"hydrant/stream/definitions"
)

// T is what tests and property tests have in common.
type T interface {
	Helper()
	Fatal(...any)
}

// Place is where a store keeps what it holds. Open opens it, as a process that starts does, also while others have it open
// where the store allows that.
type Place interface {
	Open(t T) definitions.Store
}

// Run tests a store; place makes an empty place. shared says that several processes may use one.
func Run(t *testing.T, place func(t T) Place, shared bool) {
	t.Run("a map", func(t *testing.T) { rapid.Check(t, func(t *rapid.T) { testMap(t, place(t), shared) }) })
	t.Run("compare and swap", func(t *testing.T) { testSwap(t, place(t), shared) })
}

// testMap: a store is a map whose entries change hands only by version, whoever opens it.
func testMap(t *rapid.T, place Place, shared bool) {
	stores := []definitions.Store{place.Open(t)}
	if shared {
		stores = append(stores, place.Open(t))
	}
	want, versions := map[string]string{}, map[string]definitions.Version{}
	names := rapid.SampledFrom([]string{"a", ".", "..", "x.json", "A-b_c", strings.Repeat("n", 64)})
	some := func(t *rapid.T) definitions.Store { return rapid.SampledFrom(stores).Draw(t, "store") }
	wantConflict := func(t *rapid.T, err error) {
		t.Helper()
		if !errors.Is(err, definitions.ErrConflict) {
			t.Fatalf("got %v, want ErrConflict", err)
		}
	}
	t.Repeat(map[string]func(*rapid.T){
		"put": func(t *rapid.T) {
			name, data := names.Draw(t, "name"), `"`+rapid.String().Draw(t, "data")
			version, err := some(t).Put(t.Context(), name, []byte(data), versions[name])
			if err != nil {
				t.Fatal(err)
			}
			want[name], versions[name] = data, version
		},
		"put stale": func(t *rapid.T) {
			name := names.Draw(t, "name")
			_, err := some(t).Put(t.Context(), name, []byte("stale"), versions[name]+"x")
			wantConflict(t, err)
		},
		"create again": func(t *rapid.T) {
			name := names.Draw(t, "name")
			if versions[name] == "" {
				return
			}
			_, err := some(t).Put(t.Context(), name, []byte("again"), "")
			wantConflict(t, err)
		},
		"delete": func(t *rapid.T) {
			name := names.Draw(t, "name")
			if versions[name] == "" {
				return
			}
			wantConflict(t, some(t).Delete(t.Context(), name, versions[name]+"x"))
			if err := some(t).Delete(t.Context(), name, versions[name]); err != nil {
				t.Fatal(err)
			}
			delete(want, name)
			delete(versions, name)
		},
		"open again": func(t *rapid.T) { stores[0] = place.Open(t) },
		"": func(t *rapid.T) {
			documents, err := some(t).Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for name, document := range documents {
				got[name] = string(document.Data)
				if document.Version != versions[name] {
					t.Fatalf("%s: version %s, want %s", name, document.Version, versions[name])
				}
			}
			if !maps.Equal(got, want) {
				t.Fatalf("got %q, want %q", got, want)
			}
		},
	})
}

// testSwap: of changes from one version on, at once, one is made. Writers count together, each in its own store.
func testSwap(t *testing.T, place Place, shared bool) {
	const writers, rounds = 4, 10
	store := place.Open(t)
	if _, err := store.Put(t.Context(), "n", []byte("0"), ""); err != nil {
		t.Fatal(err)
	}
	var writing sync.WaitGroup
	for range writers {
		own := store
		if shared {
			own = place.Open(t)
		}
		writing.Go(func() {
			for range rounds {
				if err := count(t, own); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writing.Wait()
	documents, err := store.Load(t.Context())
	if got := string(documents["n"].Data); err != nil || got != fmt.Sprint(writers*rounds) {
		t.Errorf("%d changes have counted to %s, error %v", writers*rounds, got, err)
	}
}

func count(t *testing.T, store definitions.Store) error {
	for {
		documents, err := store.Load(t.Context())
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(string(documents["n"].Data))
		if err != nil {
			return err
		}
		_, err = store.Put(t.Context(), "n", fmt.Append(nil, n+1), documents["n"].Version)
		if !errors.Is(err, definitions.ErrConflict) {
			return err
		}
	}
}
