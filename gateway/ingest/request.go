package ingest

import (
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"hydrant/buffer"
	"hydrant/gateway/auth"
)

// Unknown is the size of a body whose length was not declared.
const Unknown = -1

// firstChunk is the room a body of unknown size gets at first, in bytes.
const firstChunk = 64 << 10

// Request is one request's passage through the gateway. It owns the bytes that the records are views of, and its share
// of the budget in flight. It is for one goroutine.
type Request struct {
	// Records are views into the body or the scratch space, filled by the protocol.
	Records [][]byte
	// Key, where the protocol sets it, makes the request one that is stored once however often it is sent.
	Key Key
	// MayCut says that the protocol can answer for each record: fewer than all may be stored then, the first ones.
	MayCut bool
	// Replayed says that the records have been delivered before, or were in the error output: they are counted apart too.
	Replayed bool
	// Retry says that the sender calls it a further attempt of a call. The protocol sets it.
	Retry bool
	// Encoding is what Receive undoes; the protocol sets it.
	Encoding Encoding
	// Outcome is what became of the request so far.
	Outcome Outcome
	// Answer is room for building the answer; its content is kept between requests, its bytes are not.
	Answer []byte

	ingest   *Ingest
	started  time.Time
	source   io.Reader
	declared int64 // Content-Length, or Unknown
	received int64 // bytes read from source so far
	ended    bool  // source has nothing more
	reserved int64
	body     *[]byte
	scratch  *[]byte

	session    auth.Session
	authorized string // the stream that the sender may append to
}

// Outcome is what a request came to.
type Outcome struct {
	Stream  string         // that records were for; empty where none was found
	Receipt buffer.Receipt // zero where nothing was stored
	Refused Code           // empty where it was not
}

// Started is when the request's headers had been read.
func (r *Request) Started() time.Time { return r.started }

// Received is how many bytes of the body were read.
func (r *Request) Received() int64 { return r.received }

// Begin starts a request whose body source will yield; size is its declared length or Unknown. Nothing is read or
// reserved yet. End or Abandon must follow.
func (in *Ingest) Begin(source io.Reader, size int64) *Request {
	r := in.requests.Get().(*Request)
	r.started = time.Now()
	r.source, r.declared = source, size
	r.received, r.ended = 0, size == 0
	return r
}

// Receive reserves room for the body, reads it and undoes its encoding: a request that will be refused costs neither
// memory nor time. The bytes are valid until End.
//
// Errors: EmptyBody, BodyTooLarge, InFlightLimit, RequestTimeout, BadRequest, InvalidCompression, DecompressedTooLarge, and
// those of Admit.
func (r *Request) Receive() ([]byte, error) {
	if err := r.admitted(); err != nil {
		return nil, err
	}
	limit := r.ingest.limits.Body
	if r.declared > limit {
		return nil, bodyTooLarge(limit, r.declared)
	}
	var err error
	if r.declared == Unknown {
		err = r.receiveChunks(limit)
	} else {
		err = r.receiveSized(r.declared)
	}
	if err != nil {
		return nil, err
	}
	if r.received == 0 {
		return nil, noBody()
	}
	if err := r.verified(*r.body); err != nil { // of the bytes as sent
		return nil, err
	}
	if r.Encoding != Identity {
		if err := r.decompress(r.Encoding); err != nil {
			return nil, err
		}
	}
	return *r.body, nil
}

func (r *Request) receiveSized(size int64) error {
	if size == 0 {
		return nil
	}
	if err := r.reserve(size); err != nil {
		return err
	}
	r.body = r.ingest.buffers.get(size)
	n, err := io.ReadFull(r.source, *r.body)
	r.received += int64(n)
	if err != nil {
		return readError(err, r.received)
	}
	r.ended = true
	return nil
}

// receiveChunks reserves the limit, since the size is not known before the end, and gives back what was not needed.
func (r *Request) receiveChunks(limit int64) error {
	if err := r.reserve(limit); err != nil {
		return err
	}
	r.body = r.ingest.buffers.get(min(firstChunk, limit+1))
	for {
		n, err := r.source.Read((*r.body)[r.received:])
		r.received += int64(n)
		switch {
		case r.received > limit:
			return bodyTooLarge(limit, r.received)
		case err == io.EOF:
			r.ended = true
			*r.body = (*r.body)[:r.received]
			r.unreserve(limit - r.received)
			return nil
		case err != nil:
			return readError(err, r.received)
		}
		if r.received == int64(len(*r.body)) {
			r.growBody(limit)
		}
	}
}

// growBody doubles the room, up to one byte above the limit: that byte tells a body at the limit from one beyond it.
func (r *Request) growBody(limit int64) {
	larger := r.ingest.buffers.get(min(2*r.received, limit+1))
	copy(*larger, (*r.body)[:r.received])
	r.ingest.buffers.put(r.body)
	r.body = larger
}

// Scratch returns n bytes of working room, counted against the budget as the body is, valid until End. It may be called
// once. Errors: InFlightLimit, BodyTooLarge.
func (r *Request) Scratch(n int64) ([]byte, error) {
	if err := r.reserve(n); err != nil {
		return nil, err
	}
	r.scratch = r.ingest.buffers.get(n)
	return *r.scratch, nil
}

// Unread is how many bytes of the body were left unread; Unknown where that cannot be told.
func (r *Request) Unread() int64 {
	switch {
	case r.ended:
		return 0
	case r.declared == Unknown:
		return Unknown
	}
	return r.declared - r.received
}

// End gives everything back. No view of the body, of the scratch space or of the answer may be used afterwards.
func (r *Request) End() {
	r.ingest.buffers.put(r.body)
	r.ingest.buffers.put(r.scratch)
	r.unreserve(r.reserved)
	clear(r.Records)
	r.Records, r.Answer, r.Key, r.Encoding = r.Records[:0], r.Answer[:0], Key{}, Identity
	r.MayCut, r.Replayed, r.Retry, r.Outcome = false, false, false, Outcome{}
	r.body, r.scratch, r.source = nil, nil, nil
	r.session.Reset()
	r.authorized = ""
	r.ingest.requests.Put(r)
}

// Abandon stands for End after a panic: the buffers are left to the garbage collector, because it is not known who
// still reads them.
func (r *Request) Abandon() { r.unreserve(r.reserved) }

func (r *Request) reserve(n int64) error {
	in := r.ingest
	if need := r.reserved + n; need > in.limits.InFlight {
		return r.neverFits(need)
	}
	if !in.inFlight.reserve(n) {
		return inFlightLimit(in.limits.InFlight, n)
	}
	r.reserved += n
	return nil
}

// neverFits refuses a request that no retry helps: it would need more than all requests together may hold.
func (r *Request) neverFits(need int64) error {
	code, instead := BodyTooLarge, "send it in several requests"
	if r.Encoding != Identity {
		code, instead = DecompressedTooLarge, "send it in several requests, or compressed with a smaller window"
	}
	limit := r.ingest.limits.InFlight
	return &Error{
		Code: code, Limit: limit, Size: need,
		Detail: fmt.Sprintf("the body takes %d bytes of memory, with what is decoded of it and the decoder's window, and limits.in_flight is %d; "+
			"%s, or have memory or limits.in_flight raised on the server", need, limit, instead),
	}
}

func (r *Request) unreserve(n int64) {
	r.ingest.inFlight.release(n)
	r.reserved -= n
}

func readError(err error, received int64) error {
	var network net.Error
	if errors.As(err, &network) && network.Timeout() {
		return requestTimeout(received, err)
	}
	return brokenBody(received, err)
}
