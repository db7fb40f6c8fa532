package bucket

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"hydrant/stream/definitions"
)

// ErrUnconditional means that the store cannot keep definitions: nodes would overwrite each other's changes unseen.
var ErrUnconditional = errors.New("the store ignores If-Match or If-None-Match, without which nodes overwrite each other's " +
	"changes: keep the definitions in another one (api_streams.store)")

// racers is how many changes of one object are tried at once: a store may check and then write.
const racers = 4

// Check finds out, once, whether the store keeps to conditions, by changing a canary. The store's word or a table would
// not do: it depends on the version, and on what stands in front of it. Nothing else is written before. Error:
// ErrUnconditional.
func (s *Store) Check(ctx context.Context) error {
	s.probing.Lock()
	defer s.probing.Unlock()
	if s.probed {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := s.probe(ctx); err != nil {
		return s.trouble("find out what the store can do", err)
	}
	s.probed = true
	return nil
}

func (s *Store) probe(ctx context.Context) error {
	key := s.prefix + "probe/" + rand.Text()
	defer s.removeCanary(ctx, key)
	first, err := s.race(ctx, key, "")
	if err != nil {
		return err
	}
	if _, err := s.race(ctx, key, first); err != nil {
		return err
	}
	// Honoured by few; without it deleted documents stay as empty objects.
	err = s.remove(ctx, key, first)
	s.deletes = refused(err)
	if status := statusOf(err); s.deletes || status == http.StatusNotImplemented || status == http.StatusForbidden {
		return nil
	}
	return err
}

// race changes an object several times at once from one version on, and once more: exactly one may succeed. It returns
// that one's version.
func (s *Store) race(ctx context.Context, key string, expected definitions.Version) (definitions.Version, error) {
	versions, errs := make([]definitions.Version, racers+1), make([]error, racers+1)
	change := func(n int) {
		versions[n], errs[n] = s.put(ctx, key, rand.Text(), fmt.Appendf(nil, "canary %d after %q", n, expected), expected)
	}
	var racing sync.WaitGroup
	for n := range racers {
		racing.Go(func() { change(n) })
	}
	racing.Wait()
	change(racers)
	var winner definitions.Version
	for n, err := range errs {
		switch {
		case err == nil && winner == "":
			winner = versions[n]
		case err == nil, statusOf(err) == http.StatusNotImplemented:
			return "", ErrUnconditional
		case !refused(err):
			return "", err
		}
	}
	if winner == "" {
		return "", errors.New("of several changes at once none is known to have succeeded")
	}
	return winner, nil
}

func (s *Store) removeCanary(ctx context.Context, key string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	_, _ = s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.bucket, Key: &key}) // stays if that is not allowed
}
