package gateway

import (
	"bytes"
	"context"
	"net"
	"net/http"

	"hydrant/gateway/ingest"
)

// As has something done on behalf of a person at the node's own page: by is the owner of the API key in authorization, as
// "Bearer KEY", who asks to do an action. Without a guard everyone may.
//
// Errors are of type *ingest.Error: of credentials that are not known, or do's.
func (s *Server) As(action, authorization string, do func(by ingest.Caller) error) error {
	req := s.ingest.Begin(bytes.NewReader(nil), 0)
	defer req.End()
	if err := s.admit(req, authorization); err != nil {
		return ingest.AsError(err)
	}
	if err := do(req.Caller(action)); err != nil {
		return ingest.AsError(err)
	}
	return nil
}

// Allowed are those of some actions that the owner of an API key may do with a stream, or with any at all where the name is
// empty. That something is not allowed is no event.
//
// Errors are of type *ingest.Error.
func (s *Server) Allowed(actions []string, name, authorization string) (allowed []string, err error) {
	req := s.ingest.Begin(bytes.NewReader(nil), 0)
	defer req.End()
	if err := s.admit(req, authorization); err != nil {
		return nil, ingest.AsError(err)
	}
	for _, action := range actions {
		if req.Allows(action, name) {
			allowed = append(allowed, action)
		}
	}
	return allowed, nil
}

// Client reaches the server from within, without the network: what it asks is judged like every other request, by the
// credentials that it sends. Serve and Shutdown are its too.
func (s *Server) Client() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext:       func(context.Context, string, string) (net.Conn, error) { return s.within.Dial() },
		DisableKeepAlives: true,
	}}
}
