//go:build integration

package bucket

import (
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"hydrant/bench/s3fault"
	"hydrant/delivery/deliverytest"
	"hydrant/stream/definitions"
	"hydrant/stream/definitions/definitionstest"
)

func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "8"); err != nil { // of a hundred: each step is several requests
		panic(err)
	}
	os.Exit(m.Run())
}

// place is a prefix of a bucket, behind a proxy.
type place struct {
	*deliverytest.Proxy
	server *deliverytest.S3Server
	prefix string
}

func newPlace(t *testing.T) *place {
	server := deliverytest.StartS3(t)
	server.MakeBucket(t, "fleet")
	return &place{Proxy: deliverytest.StartProxy(t, server.Endpoint), server: server, prefix: "streams/"}
}

func (p *place) store() *Store {
	return New(s3.New(s3.Options{
		Region: "us-east-1", BaseEndpoint: &p.URL, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(p.server.AccessKey, p.server.Secret, ""),
	}), "fleet", p.prefix)
}

func (p *place) Open(definitionstest.T) definitions.Store { return p.store() }

func deletes(r *http.Request) bool { return r.Method == http.MethodDelete }
func puts(r *http.Request) bool    { return r.Method == http.MethodPut }

// The store passes the contract in a real S3 server, with several processes at once; also where DELETE knows no condition.
func TestContract(t *testing.T) {
	for name, conditional := range map[string]bool{"conditional DELETE": true, "unconditional DELETE": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			if !conditional {
				p.Spoil(deletes, 1, -1, deliverytest.IgnoreConditions(p.server))
			}
			var places atomic.Int64
			definitionstest.Run(t, func(definitionstest.T) definitionstest.Place {
				return &place{p.Proxy, p.server, fmt.Sprintf("streams/%d/", places.Add(1))}
			}, true)
		})
	}
}

// A store that takes no notice of conditions is refused before anything is written.
func TestUnconditionalStoreIsRefused(t *testing.T) {
	p := newPlace(t)
	for _, fault := range []s3fault.Fault{
		deliverytest.IgnoreConditions(p.server), s3fault.Answer(http.StatusNotImplemented, "NotImplemented"),
	} {
		p.Heal()
		p.Spoil(puts, 1, -1, fault)
		s := p.store()
		if err := s.Check(t.Context()); !errors.Is(err, ErrUnconditional) {
			t.Errorf("got %v, want ErrUnconditional", err)
		}
		if _, err := s.Put(t.Context(), "s", []byte("{}"), ""); !errors.Is(err, ErrUnconditional) {
			t.Errorf("got %v, want ErrUnconditional", err)
		}
	}
	if documents, err := p.store().Load(t.Context()); err != nil || len(documents) != 0 {
		t.Errorf("the store holds %v, error %v", documents, err)
	}
}

// A change whose answer is lost is made once, and known to be made.
func TestLostAnswers(t *testing.T) {
	p := newPlace(t)
	s := p.store()
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	lose := func(match func(*http.Request) bool) {
		p.Heal()
		p.Spoil(match, 1, 1, s3fault.LoseAnswer)
	}
	lose(puts)
	first, err := s.Put(t.Context(), "s", []byte("one"), "")
	if err != nil {
		t.Fatal(err)
	}
	lose(puts)
	second, err := s.Put(t.Context(), "s", []byte("two"), first)
	if err != nil {
		t.Fatal(err)
	}
	lose(func(r *http.Request) bool { return puts(r) || deletes(r) })
	if err := s.Delete(t.Context(), "s", second); err != nil {
		t.Fatal(err)
	}
	if documents, err := s.Load(t.Context()); err != nil || len(documents) != 0 {
		t.Errorf("the store holds %v, error %v", documents, err)
	}
}

// A look costs one request while nothing changes, and one more for each change.
func TestLooksAreCheap(t *testing.T) {
	p := newPlace(t)
	writer, reader := p.store(), p.store()
	for n := range 20 {
		if _, err := writer.Put(t.Context(), fmt.Sprint("s", n), []byte("{}"), ""); err != nil {
			t.Fatal(err)
		}
	}
	all := p.Spoil(s3fault.Any, 1, -1, func(w http.ResponseWriter, r *http.Request, forward http.HandlerFunc) { forward(w, r) })
	look := func(want int) {
		t.Helper()
		before := all.Hits()
		documents, err := reader.Load(t.Context())
		if got := all.Hits() - before; err != nil || len(documents) != 20 || got != want {
			t.Errorf("a look at %d documents took %d requests, want %d; error %v", len(documents), got, want, err)
		}
	}
	look(21)
	look(1)
	documents, err := writer.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := writer.Put(t.Context(), "s3", []byte("{ }"), documents["s3"].Version); err != nil {
		t.Fatal(err)
	}
	look(2)
	look(1)
}

// What is wrong is told with its place.
func TestTroubleNamesThePlace(t *testing.T) {
	p := newPlace(t)
	p.Spoil(s3fault.Any, 1, -1, s3fault.Answer(http.StatusForbidden, "AccessDenied"))
	for _, err := range []error{
		p.store().Check(t.Context()),
		func() error { _, err := p.store().Load(t.Context()); return err }(),
	} {
		if err == nil || !strings.Contains(err.Error(), "s3://fleet/streams/") || !strings.Contains(err.Error(), "AccessDenied") {
			t.Errorf("got %v", err)
		}
	}
}
