package ingest

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"hydrant/buffer"
)

// Code names a reason for refusing a request. Codes are part of the API: they are never renamed.
type Code string

// The codes, with the status and the meaning of each in Codes below.
const (
	BadRequest           Code = "bad_request"
	Validation           Code = "validation"
	EmptyBody            Code = "empty_body"
	InvalidJSON          Code = "invalid_json"
	InvalidProtobuf      Code = "invalid_protobuf"
	InvalidRecord        Code = "invalid_record"
	InvalidCompression   Code = "invalid_compression"
	BatchTooLarge        Code = "batch_too_large"
	UnknownOperation     Code = "unknown_operation"
	NotFound             Code = "not_found"
	StreamNotFound       Code = "stream_not_found"
	MethodNotAllowed     Code = "method_not_allowed"
	RequestTimeout       Code = "request_timeout"
	BodyTooLarge         Code = "body_too_large"
	DecompressedTooLarge Code = "decompressed_too_large"
	RecordTooLarge       Code = "record_too_large"
	TooManyRecords       Code = "too_many_records"
	UnsupportedMediaType Code = "unsupported_media_type"
	UnsupportedEncoding  Code = "unsupported_encoding"
	HeadersTooLarge      Code = "headers_too_large"
	TooManyConnections   Code = "too_many_connections"
	InFlightLimit        Code = "in_flight_limit"
	BufferFull           Code = "buffer_full"
	QuotaExceeded        Code = "quota_exceeded"
	StreamNotAccepting   Code = "stream_not_accepting"
	DefinitionsAway      Code = "definitions_unavailable"
	ShuttingDown         Code = "shutting_down"
	Internal             Code = "internal"
	InvalidKey           Code = "invalid_idempotency_key"
	KeyReused            Code = "idempotency_key_reused"
	MissingCredentials   Code = "missing_credentials"
	MalformedCredentials Code = "malformed_credentials"
	InvalidCredentials   Code = "invalid_credentials"
	InvalidToken         Code = "invalid_session_token"
	RequestExpired       Code = "request_expired"
	AccessDenied         Code = "access_denied"
	InvalidArgument      Code = "invalid_argument"
	StreamInUse          Code = "stream_in_use"
	VersionConflict      Code = "version_conflict"
	LimitExceeded        Code = "limit_exceeded"
	KeyUnavailable       Code = "encryption_key_unavailable"
	FlushIncomplete      Code = "flush_incomplete"
)

// Codes are all codes: the status that goes with each, and its meaning in a few words.
var Codes = map[Code]struct {
	Status  int
	Meaning string
}{
	BadRequest:           {http.StatusBadRequest, "the request is not HTTP as it should be, or its body is cut off"},
	Validation:           {http.StatusBadRequest, "the call breaks a constraint of the Firehose API"},
	EmptyBody:            {http.StatusBadRequest, "there is no record in the body"},
	InvalidJSON:          {http.StatusBadRequest, "the body is not JSON, or is a single value that is no object and no array"},
	InvalidProtobuf:      {http.StatusBadRequest, "the body is not a hydrant.v1.RecordBatch"},
	InvalidRecord:        {http.StatusBadRequest, "a record is not of the form that the stream asks for with `validate`"},
	InvalidCompression:   {http.StatusBadRequest, "the body is not what Content-Encoding says, or is cut off"},
	BatchTooLarge:        {http.StatusRequestEntityTooLarge, "a PutRecordBatch of more than 4 MiB: send several"},
	UnknownOperation:     {http.StatusBadRequest, "X-Amz-Target names no operation that is served"},
	NotFound:             {http.StatusNotFound, "nothing is served at this path"},
	StreamNotFound:       {http.StatusNotFound, "no stream has this name"},
	MethodNotAllowed:     {http.StatusMethodNotAllowed, "the path is served, but not with this method"},
	RequestTimeout:       {http.StatusRequestTimeout, "the request did not arrive in time"},
	BodyTooLarge:         {http.StatusRequestEntityTooLarge, "the body is larger than `limits.body`: send several requests"},
	DecompressedTooLarge: {http.StatusRequestEntityTooLarge, "the body becomes larger than `limits.decompressed`, or than a hundred times its size, or takes more than `limits.in_flight` to decompress"},
	RecordTooLarge:       {http.StatusRequestEntityTooLarge, "a record is larger than `limits.record`"},
	TooManyRecords:       {http.StatusRequestEntityTooLarge, "there are more records than `limits.records`: send several requests"},
	UnsupportedMediaType: {http.StatusUnsupportedMediaType, "the Content-Type is none of those served"},
	UnsupportedEncoding:  {http.StatusUnsupportedMediaType, "the Content-Encoding is none of those in Accept-Encoding of the answer"},
	HeadersTooLarge:      {http.StatusRequestHeaderFieldsTooLarge, "the headers are too large"},
	TooManyConnections:   {http.StatusServiceUnavailable, "as many connections are open as `memory` has room for: wait as Retry-After says, and use connections again"},
	InFlightLimit:        {http.StatusServiceUnavailable, "the requests being served hold `limits.in_flight`: wait as Retry-After says"},
	BufferFull:           {http.StatusServiceUnavailable, "the buffer has no room: wait as Retry-After says"},
	QuotaExceeded:        {http.StatusTooManyRequests, "the stream's quota is used up: wait as Retry-After says"},
	StreamNotAccepting:   {http.StatusServiceUnavailable, "the stream is being drained or deleted"},
	DefinitionsAway:      {http.StatusServiceUnavailable, "the store of the fleet's streams does not answer, and this node does not know whether there is such a stream: try again"},
	ShuttingDown:         {http.StatusServiceUnavailable, "the node is stopping: use another one, or a new connection"},
	Internal:             {http.StatusInternalServerError, "the node failed; whether the records were stored is not known: send the request again with its key"},
	InvalidKey:           {http.StatusBadRequest, "the Idempotency-Key is not 1 to 255 visible ASCII characters"},
	KeyReused:            {http.StatusUnprocessableEntity, "the Idempotency-Key was used for other records"},
	MissingCredentials:   {http.StatusUnauthorized, "the request has no credentials"},
	MalformedCredentials: {http.StatusUnauthorized, "the credentials cannot be read"},
	InvalidCredentials:   {http.StatusUnauthorized, "the key is unknown, or the signature wrong"},
	InvalidToken:         {http.StatusUnauthorized, "the session token is not the key's"},
	RequestExpired:       {http.StatusUnauthorized, "the signature was made too long ago, or the clocks differ"},
	AccessDenied:         {http.StatusForbidden, "the credentials do not allow this with this stream"},
	InvalidArgument:      {http.StatusBadRequest, "the call asks for what cannot be, or for what is not built"},
	StreamInUse:          {http.StatusConflict, "a stream of this name exists, or is in a state that forbids the call"},
	VersionConflict:      {http.StatusConflict, "the stream's definition was changed by somebody else: look at it and try again"},
	KeyUnavailable:       {http.StatusServiceUnavailable, "the stream is encrypted, and its key cannot be had now: wait as Retry-After says"},
	FlushIncomplete:      {http.StatusServiceUnavailable, "not everything could be sealed yet, and the detail says why: what was sealed stays sealed; flush again later"},
	LimitExceeded:        {http.StatusBadRequest, "there are as many streams or tags as there may be"},
}

// Status is the HTTP status that a protocol without rules of its own answers with.
func (c Code) Status() int { return Codes[c].Status }

// Error is a refusal. Detail is written for the producer's developer and is safe to send; Cause is not sent.
type Error struct {
	Code       Code
	Detail     string
	Limit      int64         // the limit that was broken; 0 if none was
	Size       int64         // what was seen, in the limit's unit
	RetryAfter time.Duration // 0 if a retry of the same request is of no use
	Cause      error
}

// RetrySeconds is RetryAfter as a header tells it: whole seconds, and not too few.
func (e *Error) RetrySeconds() int64 { return int64((e.RetryAfter + time.Second - 1) / time.Second) }

func (e *Error) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Detail, e.Cause)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Detail)
}

func (e *Error) Unwrap() error { return e.Cause }

// AsError finds the Error in err; an err without one is Internal.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return internal(err).(*Error)
}

// How long a producer should wait. The budget in flight turns over within a request's time; a full disk empties at the
// speed of delivery; a node that goes down is replaced, or its balancer looks elsewhere.
const (
	retryInFlight = time.Second
	retryFull     = 5 * time.Second
	retryShutdown = time.Second
)

func noBody() error {
	return &Error{Code: EmptyBody, Detail: "the request has no body; send at least one record"}
}

// NoRecords refuses a body that holds no record.
func NoRecords() error {
	return &Error{Code: EmptyBody, Detail: "the body holds no record; send at least one"}
}

// TooMany refuses a batch of n records.
func TooMany(limit, n int64) error {
	return &Error{
		Code: TooManyRecords, Limit: limit, Size: n,
		Detail: fmt.Sprintf("the body holds %d records, the limit is %d; send them in several requests", n, limit),
	}
}

func recordTooLarge(number int, limit, size int64) error {
	return &Error{
		Code: RecordTooLarge, Limit: limit, Size: size,
		Detail: fmt.Sprintf("record %d is %d bytes long, the limit is %d; nothing of the request was stored", number, size, limit),
	}
}

func bodyTooLarge(limit, size int64) error {
	return &Error{
		Code: BodyTooLarge, Limit: limit, Size: size,
		Detail: fmt.Sprintf("the body is at least %d bytes long, the limit is %d; send it in several requests", size, limit),
	}
}

// NotJSON refuses a body for what a JSON decoder said of it. The position is told, but not the path: its names are the producer's
// and may be as long as the body.
func NotJSON(cause error) error {
	detail := "the body is not valid JSON"
	var syntax *jsontext.SyntacticError
	if errors.As(cause, &syntax) {
		detail = fmt.Sprintf("%s: %v at byte %d", detail, syntax.Err, syntax.ByteOffset)
	}
	return &Error{Code: InvalidJSON, Detail: detail}
}

func streamNotFound(name []byte) error {
	return &Error{Code: StreamNotFound, Detail: fmt.Sprintf("stream %.80q does not exist: correct its name, or define it under streams in the "+
		"configuration, or with hydrant streams create", name)}
}

// definitionsAway is what a node says that cannot know whether another one has made a stream.
func definitionsAway(name []byte, cause error) *Error {
	return &Error{
		Code: DefinitionsAway, RetryAfter: time.Second, Cause: cause,
		Detail: fmt.Sprintf("the store of the fleet's streams does not answer, and this node knows no stream %.64q: try again", name),
	}
}

func streamNotAccepting(name string) error {
	return &Error{
		Code: StreamNotAccepting, RetryAfter: retryFull,
		Detail: fmt.Sprintf("stream %q takes no records at present: it is being drained or deleted", name),
	}
}

func inFlightLimit(limit, size int64) error {
	return &Error{
		Code: InFlightLimit, Limit: limit, Size: size, RetryAfter: retryInFlight,
		Detail: fmt.Sprintf("the server is busy: %d more bytes do not fit in the %d that may be in flight; retry later", size, limit),
	}
}

// NoRoom refuses a connection.
func NoRoom() *Error {
	return &Error{
		Code: TooManyConnections, RetryAfter: retryInFlight,
		Detail: "the server has as many connections open as its memory has room for; retry later, and use connections again",
	}
}

func bufferFull(full *buffer.FullError) error {
	return &Error{
		Code: BufferFull, Limit: full.Limit, Size: full.Used, RetryAfter: retryFull, Cause: full,
		Detail: "the buffer is full: " + full.Reason + "; nothing of the request was stored; retry later",
	}
}

// NoDataKey refuses what would have to be encrypted.
func NoDataKey(stream string, locked *buffer.DataKeyError) error {
	return &Error{
		Code: KeyUnavailable, RetryAfter: retryFull, Cause: locked,
		Detail: fmt.Sprintf("stream %q is encrypted, and its key cannot be had (%s): %s; nothing was stored", stream, locked.Code, locked.Reason),
	}
}

// ShutDown refuses a request because the server is stopping.
func ShutDown() error {
	return &Error{
		Code: ShuttingDown, RetryAfter: retryShutdown,
		Detail: "the server is shutting down; nothing of the request was stored; retry, on a new connection",
	}
}

func requestTimeout(received int64, cause error) error {
	return &Error{
		Code: RequestTimeout, Size: received, Cause: cause,
		Detail: fmt.Sprintf("the body did not arrive in time: %d bytes were received", received),
	}
}

func brokenBody(received int64, cause error) error {
	return &Error{
		Code: BadRequest, Size: received, Cause: cause,
		Detail: fmt.Sprintf("the body is incomplete or badly framed: it could be read up to byte %d", received),
	}
}

func internal(cause error) error {
	return &Error{
		Code: Internal, Cause: cause,
		Detail: "the server failed; whether the records were stored is not known; retry",
	}
}
