package firehose

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/valyala/fasthttp"

	"hydrant/buffer"
	"hydrant/gateway/ingest"
)

// exception is AWS's name and status for an error. SDKs choose the exception's type, and whether to retry, by them.
type exception struct {
	name   string
	status int
}

// slowDown is AWS's whole answer to overload, of every kind.
var slowDown = exception{"ServiceUnavailableException", http.StatusServiceUnavailable}

var exceptions = map[ingest.Code]exception{
	ingest.BadRequest:           {"SerializationException", http.StatusBadRequest},
	ingest.EmptyBody:            {"SerializationException", http.StatusBadRequest},
	ingest.InvalidJSON:          {"SerializationException", http.StatusBadRequest},
	ingest.Validation:           {"ValidationException", http.StatusBadRequest},
	ingest.RecordTooLarge:       {"ValidationException", http.StatusBadRequest},
	ingest.TooManyRecords:       {"ValidationException", http.StatusBadRequest},
	ingest.BatchTooLarge:        {"InvalidArgumentException", http.StatusBadRequest},
	ingest.StreamNotFound:       {"ResourceNotFoundException", http.StatusBadRequest},
	ingest.UnknownOperation:     {"UnknownOperationException", http.StatusBadRequest},
	ingest.MethodNotAllowed:     {"UnknownOperationException", http.StatusMethodNotAllowed},
	ingest.BodyTooLarge:         {"RequestEntityTooLargeException", http.StatusRequestEntityTooLarge},
	ingest.UnsupportedEncoding:  {"UnsupportedMediaTypeException", http.StatusUnsupportedMediaType},
	ingest.RequestTimeout:       {"RequestTimeoutException", http.StatusRequestTimeout},
	ingest.InvalidRecord:        {"InvalidArgumentException", http.StatusBadRequest},
	ingest.KeyReused:            {"InvalidArgumentException", http.StatusBadRequest},
	ingest.MissingCredentials:   {"MissingAuthenticationTokenException", http.StatusBadRequest},
	ingest.MalformedCredentials: {"IncompleteSignatureException", http.StatusBadRequest},
	ingest.InvalidCredentials:   {"InvalidSignatureException", http.StatusBadRequest},
	ingest.InvalidToken:         {"UnrecognizedClientException", http.StatusBadRequest},
	ingest.RequestExpired:       {"RequestExpired", http.StatusBadRequest},
	ingest.AccessDenied:         {"AccessDeniedException", http.StatusBadRequest},
	ingest.InvalidArgument:      {"InvalidArgumentException", http.StatusBadRequest},
	ingest.StreamInUse:          {"ResourceInUseException", http.StatusBadRequest},
	ingest.VersionConflict:      {"ConcurrentModificationException", http.StatusBadRequest},
	ingest.LimitExceeded:        {"LimitExceededException", http.StatusBadRequest},
	ingest.KeyUnavailable:       {"InvalidKMSResourceException", http.StatusBadRequest},
	ingest.TooManyConnections:   slowDown,
	ingest.InFlightLimit:        slowDown,
	ingest.BufferFull:           slowDown,
	ingest.QuotaExceeded:        slowDown,
	ingest.StreamNotAccepting:   slowDown,
	ingest.DefinitionsAway:      slowDown,
	ingest.ShuttingDown:         slowDown,
}

// Refuse writes the answer to a call that was not served.
func (h *Handler) Refuse(rc *fasthttp.RequestCtx, e *ingest.Error) {
	exc, ok := exceptions[e.Code]
	if !ok {
		exc = exception{"InternalFailure", http.StatusInternalServerError}
	}
	message := e.Detail
	if exc == slowDown {
		message = "Slow down."
	}
	if passing(e) {
		exc = slowDown
	}
	body, err := json.Marshal(struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
		Code    string `json:"code,omitempty"`
	}{exc.name, message, kmsCode(e)})
	if err != nil {
		panic("firehose: three strings are always JSON: " + err.Error())
	}
	rc.SetStatusCode(exc.status)
	writeHeaders(rc)
	rc.Response.Header.Set("X-Amzn-Errortype", exc.name)
	rc.SetBody(body)
	if e.RetryAfter > 0 {
		rc.Response.Header.Set(fasthttp.HeaderRetryAfter, strconv.FormatInt(e.RetrySeconds(), 10))
	}
}

// passing reports whether a data key is missing that may be there for the next attempt, for which SDKs take a 503. AWS's
// InvalidKMSResourceException, which they take for final, is for keys that somebody has to mend.
func passing(e *ingest.Error) bool {
	var locked *buffer.DataKeyError
	return errors.As(e.Cause, &locked) && locked.Passing()
}

// kmsCode is what an InvalidKMSResourceException says beside its message: the KMS's own name for it.
func kmsCode(e *ingest.Error) string {
	var locked *buffer.DataKeyError
	if !errors.As(e.Cause, &locked) {
		return ""
	}
	return locked.Code
}
