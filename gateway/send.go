package gateway

import (
	"bytes"
	"context"
	"fmt"

	"hydrant/buffer"
	"hydrant/gateway/auth"
	"hydrant/gateway/ingest"
)

// Send appends one record on behalf of a person at the node's own page, under the rules of the native API: its limits, its
// quotas, and where credentials are asked for, the API key in authorization, as "Bearer KEY".
//
// Errors are of type *ingest.Error.
func (s *Server) Send(ctx context.Context, name, authorization string, record []byte) (buffer.Receipt, error) {
	if s.draining.Load() {
		return buffer.Receipt{}, ingest.ShutDown()
	}
	req := s.ingest.Begin(bytes.NewReader(record), int64(len(record)))
	defer req.End()
	receipt, err := s.send(ctx, req, name, authorization)
	if err != nil {
		e := ingest.AsError(err)
		s.ingest.CountRefusal(e.Code)
		return receipt, e
	}
	return receipt, nil
}

func (s *Server) send(ctx context.Context, req *ingest.Request, name, authorization string) (none buffer.Receipt, _ error) {
	if err := s.admit(req, authorization); err != nil {
		return none, err
	}
	if err := req.Authorize(auth.Records, []byte(name)); err != nil {
		return none, err
	}
	stream, err := s.ingest.Stream(ctx, []byte(name))
	if err != nil {
		return none, err
	}
	if err := s.ingest.Spare(stream); err != nil {
		return none, err
	}
	body, err := req.Receive()
	if err != nil {
		return none, err
	}
	req.Records = append(req.Records, body)
	return s.ingest.Append(ctx, stream, req)
}

// May says whether the owner of an API key may do an action with a stream. Without a guard everyone may.
//
// Errors are of type *ingest.Error.
func (s *Server) May(action, name, authorization string) error {
	req := s.ingest.Begin(bytes.NewReader(nil), 0)
	defer req.End()
	if err := s.admit(req, authorization); err != nil {
		return ingest.AsError(err)
	}
	if err := req.Authorize(action, []byte(name)); err != nil {
		return ingest.AsError(err)
	}
	return nil
}

func (s *Server) admit(req *ingest.Request, authorization string) error {
	var head auth.Head
	if authorization != "" {
		head.Headers = fmt.Appendf(nil, "Authorization: %s\r\n", authorization)
	}
	return req.Admit(head, auth.APIKey)
}
