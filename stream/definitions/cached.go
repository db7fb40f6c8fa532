package definitions

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"sync"
)

// Shared is a Store that several nodes change.
type Shared interface {
	Store

	// Kept returns what this node knew last, also in another life of it: for a start while the store does not answer.
	Kept(ctx context.Context) (map[string]Document, error)
}

// Cached is a Store of a fleet whose documents a node keeps beside its other data.
type Cached struct {
	store Store
	cache *Directory

	mu    sync.Mutex
	known map[string]Document // as in the cache; never changed
}

// cacheName is the cache's one file, replaced whole.
const cacheName = "fleet"

// OpenCached keeps the documents of a store in a directory of this process.
func OpenCached(store Store, path string) (*Cached, error) {
	cache, err := OpenDirectory(path)
	if err != nil {
		return nil, err
	}
	return &Cached{store: store, cache: cache}, nil
}

// Load implements Store. An error of the cache is none of the store's: the next Load tries again.
func (c *Cached) Load(ctx context.Context) (map[string]Document, error) {
	documents, err := c.store.Load(ctx)
	if err == nil {
		c.keep(func(map[string]Document) map[string]Document { return documents })
	}
	return documents, err
}

// Put implements Store.
func (c *Cached) Put(ctx context.Context, name string, data []byte, expected Version) (Version, error) {
	version, err := c.store.Put(ctx, name, data, expected)
	if err == nil {
		c.keep(func(known map[string]Document) map[string]Document {
			known = maps.Clone(known)
			known[name] = Document{Data: data, Version: version}
			return known
		})
	}
	return version, err
}

// Delete implements Store.
func (c *Cached) Delete(ctx context.Context, name string, expected Version) error {
	err := c.store.Delete(ctx, name, expected)
	if err == nil {
		c.keep(func(known map[string]Document) map[string]Document {
			known = maps.Clone(known)
			delete(known, name)
			return known
		})
	}
	return err
}

// Kept implements Shared.
func (c *Cached) Kept(context.Context) (map[string]Document, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	file, err := c.cache.read(cacheName)
	if err != nil {
		return nil, err
	}
	documents := map[string]Document{}
	if err := json.Unmarshal(file.Data, &documents); err != nil {
		return nil, fmt.Errorf("the cache of definitions is of another version of this program: %w", err)
	}
	c.known = documents
	return documents, nil
}

// keep writes the cache where something has changed.
func (c *Cached) keep(change func(known map[string]Document) map[string]Document) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.known
	if known == nil {
		known = map[string]Document{}
	}
	documents := change(known)
	same := func(a, b Document) bool { return a.Version == b.Version && bytes.Equal(a.Data, b.Data) }
	if c.known != nil && maps.EqualFunc(documents, c.known, same) {
		return
	}
	data, err := json.Marshal(documents)
	if err != nil {
		panic("definitions: documents are always JSON: " + err.Error()) // bytes and strings
	}
	if c.cache.write(cacheName, append([]byte(string(versionOf(data))+"\n"), data...)) == nil {
		c.known = documents
	}
}
