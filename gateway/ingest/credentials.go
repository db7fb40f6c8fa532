package ingest

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"hydrant/gateway/auth"
)

// Anyone is the principal of all requests while no credentials are asked for.
const Anyone = "anyone"

// Admit judges a request by its head, before its body is read. Where credentials are asked for, a request that was not
// admitted cannot receive its body, and one that was not authorized cannot be appended: a protocol that forgets to ask
// stores nothing.
//
// Errors: MissingCredentials, MalformedCredentials, InvalidCredentials, InvalidToken, RequestExpired.
func (r *Request) Admit(head auth.Head, taken auth.Scheme) error {
	if r.ingest.guard == nil {
		return nil
	}
	return r.refusal(r.ingest.guard.Admit(&r.session, head, taken))
}

// Authorize says whether the request's sender may do the action with the stream, which need not exist.
//
// Error: AccessDenied.
func (r *Request) Authorize(action string, stream []byte) error {
	if r.ingest.guard == nil {
		return nil
	}
	name := string(stream)
	if err := r.session.May(action, name); err != nil {
		return r.refusal(err)
	}
	r.authorized = name
	return nil
}

// Allows says whether Authorize would, or with an empty name whether it would for any stream at all: no more than a look, of
// which nothing is counted.
func (r *Request) Allows(action, stream string) bool {
	if r.ingest.guard == nil {
		return true
	}
	if stream == "" {
		return r.session.MaySome(action) == nil
	}
	return r.session.May(action, stream) == nil
}

// AuthorizeSome says whether the request's sender may do the action with any stream at all. Where only the body names the
// stream, that is what can be told before it is read. It does not allocate for who may.
//
// Error: AccessDenied.
func (r *Request) AuthorizeSome(action string) error {
	if r.ingest.guard == nil {
		return nil
	}
	if err := r.session.MaySome(action); err != nil {
		return r.refusal(err)
	}
	return nil
}

// Caller is what the sender of a request may do: one action, on some streams.
type Caller interface {
	// Retries reports whether the sender says that the call was sent before, and no answer came.
	Retries() bool

	May(stream string) error   // whether the action is allowed on a stream. Error: AccessDenied
	MaySome() error            // whether it is allowed on any stream at all. Error: AccessDenied
	MaySee(stream string) bool // May, for one stream of many: that it is not allowed is no event
}

// Caller returns the sender of the request as one who asks to do an action.
func (r *Request) Caller(action string) Caller { return caller{r, action} }

type caller struct {
	request *Request
	action  string
}

func (c caller) Retries() bool { return c.request.Retry }

func (c caller) May(stream string) error { return c.request.Authorize(c.action, []byte(stream)) }

func (c caller) MaySome() error { return c.request.AuthorizeSome(c.action) }

func (c caller) MaySee(stream string) bool {
	return c.request.ingest.guard == nil || c.request.session.May(c.action, stream) == nil
}

// Principal is the name of the request's sender.
func (r *Request) Principal() string {
	if r.ingest.guard == nil {
		return Anyone
	}
	return r.session.Principal()
}

// admitted refuses to read a body that nobody answers for.
func (r *Request) admitted() error {
	if r.ingest.guard == nil || r.session.Principal() != "" {
		return nil
	}
	return r.refusal(&auth.Refusal{Reason: auth.Missing, Detail: "credentials are required"})
}

// verified refuses a body, as it was sent, that is not what the sender signed.
func (r *Request) verified(body []byte) error {
	if r.ingest.guard == nil {
		return nil
	}
	if err := r.session.Verify(body); err != nil {
		return r.refusal(err)
	}
	return nil
}

// permitted is the last look before records are stored.
func (r *Request) permitted(stream *Stream) error {
	if r.ingest.guard == nil || r.session.Verified() && r.authorized == stream.Name {
		return nil
	}
	return r.refusal(&auth.Refusal{Reason: auth.Denied, Detail: "these credentials do not allow this"})
}

// refusal counts what was refused, and puts it in the gateway's terms.
func (r *Request) refusal(err error) error {
	var refused *auth.Refusal
	if !errors.As(err, &refused) {
		return err
	}
	r.ingest.metrics.auth.WithLabelValues(string(refused.Reason)).Inc()
	return &Error{Code: authCodes[refused.Reason], Detail: refused.Detail}
}

// authCodes do not tell what is unknown from what is wrong.
var authCodes = map[auth.Reason]Code{
	auth.Missing:        MissingCredentials,
	auth.Malformed:      MalformedCredentials,
	auth.UnknownKey:     InvalidCredentials,
	auth.WrongSignature: InvalidCredentials,
	auth.WrongToken:     InvalidToken,
	auth.Expired:        RequestExpired,
	auth.Denied:         AccessDenied,
}

func newAuthFailures() *prometheus.CounterVec {
	failures := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "hydrant_auth_failures_total",
		Help: "Requests refused for their credentials, by reason.",
	}, []string{"reason"})
	for _, reason := range auth.Reasons {
		failures.WithLabelValues(string(reason))
	}
	return failures
}
