package ingest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"hydrant/buffer"
)

type fakeLog struct {
	batches []buffer.Batch
	err     error
}

func (l *fakeLog) Append(_ context.Context, b buffer.Batch) (buffer.Receipt, error) {
	if l.err != nil {
		return buffer.Receipt{}, l.err
	}
	l.batches = append(l.batches, b)
	return buffer.Receipt{First: 1, Count: len(b.Records)}, nil
}

func newIngest(t testing.TB, limits Limits, deps Deps) *Ingest {
	t.Helper()
	if deps.Log == nil {
		deps.Log = &fakeLog{}
	}
	if deps.Catalog == nil {
		deps.Catalog = new(Catalog)
	}
	in, err := New(Config{Limits: limits, Poison: true}, deps)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

const bodyLimit = 100_000

// However the body arrives, it is received whole up to the limit, and not beyond it.
func TestReceive(t *testing.T) {
	arrivals := map[string]func(io.Reader) io.Reader{
		"whole":          func(r io.Reader) io.Reader { return r },
		"byte by byte":   iotest.OneByteReader,
		"halves":         iotest.HalfReader,
		"end with bytes": iotest.DataErrReader,
	}
	for how, arrive := range arrivals {
		for _, size := range []int{1, 4095, 4096, 65535, 65536, 65537, bodyLimit - 1, bodyLimit, bodyLimit + 1} {
			for _, declared := range []int64{int64(size), Unknown} {
				in := newIngest(t, Limits{Body: bodyLimit, InFlight: bodyLimit}, Deps{})
				sent := bytes.Repeat([]byte("0123456789"), size/10+1)[:size]
				req := in.Begin(arrive(bytes.NewReader(sent)), declared)
				got, err := req.Receive()
				if size > bodyLimit {
					wantError(t, err, Error{Code: BodyTooLarge, Limit: bodyLimit, Size: bodyLimit + 1})
				} else if err != nil || !bytes.Equal(got, sent) {
					t.Errorf("%d bytes, declared %d, arriving %s: got %d bytes, error %v", size, declared, how, len(got), err)
				} else if got := int64(in.inFlight.inUse()); got != int64(size) {
					t.Errorf("%d bytes, declared %d: %d are reserved, want %d", size, declared, got, size)
				}
				req.End()
				if got := in.inFlight.inUse(); got != 0 {
					t.Errorf("%d bytes, declared %d: %v are still reserved at the end, want 0", size, declared, got)
				}
			}
		}
	}
}

func TestReceiveReadsNothingOfWhatIsRefused(t *testing.T) {
	in := newIngest(t, Limits{Body: 100, InFlight: 150}, Deps{})
	first := in.Begin(strings.NewReader(strings.Repeat("x", 100)), 100)
	if _, err := first.Receive(); err != nil {
		t.Fatal(err)
	}
	unreadable := iotest.ErrReader(errors.New("the body was read"))
	for _, c := range []struct {
		declared, unread int64
		want             Error
	}{
		{101, 101, Error{Code: BodyTooLarge, Limit: 100, Size: 101}},
		{51, 51, Error{Code: InFlightLimit, Limit: 150, Size: 51}},
		{Unknown, Unknown, Error{Code: InFlightLimit, Limit: 150, Size: 100}},
		{0, 0, Error{Code: EmptyBody}},
	} {
		req := in.Begin(unreadable, c.declared)
		_, err := req.Receive()
		wantError(t, err, c.want)
		if got := req.Unread(); got != c.unread {
			t.Errorf("declared %d: got %d unread, want %d", c.declared, got, c.unread)
		}
		req.End()
	}
	first.End()
	if got := in.inFlight.inUse(); got != 0 {
		t.Errorf("still reserved at the end: got %v, want 0", got)
	}
}

func TestReceiveTellsHowReadingFailed(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want Error
	}{
		{"time is up", os.ErrDeadlineExceeded, Error{Code: RequestTimeout, Size: 3}},
		{"connection lost", io.ErrUnexpectedEOF, Error{Code: BadRequest, Size: 3}},
	} {
		for _, declared := range []int64{10, Unknown} {
			in := newIngest(t, Limits{}, Deps{})
			req := in.Begin(io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(c.err)), declared)
			_, err := req.Receive()
			wantError(t, err, c.want)
			if !errors.Is(err, c.err) {
				t.Errorf("%s: got %v, want it to wrap %v", c.name, err, c.err)
			}
			req.End()
		}
	}
}

func TestReceiveShortBody(t *testing.T) {
	in := newIngest(t, Limits{}, Deps{})
	req := in.Begin(strings.NewReader("abc"), 10)
	defer req.End()
	_, err := req.Receive()
	wantError(t, err, Error{Code: BadRequest, Size: 3})
}

func TestScratchCountsAgainstTheBudget(t *testing.T) {
	in := newIngest(t, Limits{Body: 100, InFlight: 100}, Deps{})
	req := in.Begin(strings.NewReader(strings.Repeat("x", 60)), 60)
	if _, err := req.Receive(); err != nil {
		t.Fatal(err)
	}
	if _, err := req.Scratch(41); err == nil {
		t.Error("41 bytes beside 60 fit in 100")
	} else {
		wantError(t, err, Error{Code: BodyTooLarge, Limit: 100, Size: 101}) // of no use to send again
	}
	in.inFlight.reserve(1)
	if _, err := req.Scratch(40); err == nil {
		t.Error("40 bytes beside 61 fit in 100")
	} else {
		wantError(t, err, Error{Code: InFlightLimit, Limit: 100, Size: 40})
	}
	in.inFlight.release(1)
	if b, err := req.Scratch(40); err != nil || len(b) != 40 {
		t.Errorf("got %d bytes, error %v, want 40", len(b), err)
	}
	req.End()
	if got := in.inFlight.inUse(); got != 0 {
		t.Errorf("still reserved at the end: got %v, want 0", got)
	}
}

func TestAbandonReleasesTheBudgetButNotTheBytes(t *testing.T) {
	in := newIngest(t, Limits{}, Deps{})
	req := in.Begin(strings.NewReader("abc"), 3)
	body, err := req.Receive()
	if err != nil {
		t.Fatal(err)
	}
	req.Abandon()
	if got := in.inFlight.inUse(); got != 0 {
		t.Errorf("still reserved: got %v, want 0", got)
	}
	if string(body) != "abc" {
		t.Errorf("got %q, want the bytes as they were", body)
	}
}

// wantError compares what a client may rely on.
func wantError(t *testing.T, err error, want Error) {
	t.Helper()
	var got *Error
	if !errors.As(err, &got) {
		t.Errorf("got error %v, want %s", err, want.Code)
		return
	}
	if got.Code != want.Code || got.Limit != want.Limit || got.Size != want.Size {
		t.Errorf("got %s, limit %d, size %d; want %s, limit %d, size %d", got.Code, got.Limit, got.Size, want.Code, want.Limit, want.Size)
	}
	if got.Detail == "" {
		t.Errorf("%s has no detail", got.Code)
	}
}
