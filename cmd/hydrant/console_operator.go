package main

import (
	"context"
	"errors"
	"time"

	"hydrant/gateway/auth"
	web "hydrant/gateway/console"
	"hydrant/gateway/ingest"
)

// streamOperator lets the console change streams, as the owner of an API key.
type streamOperator struct{ node *node }

// shownRights are those that the console has a use for.
var shownRights = []string{
	"CreateDeliveryStream", "UpdateDestination", "TagDeliveryStream", "UntagDeliveryStream", "StartDeliveryStreamEncryption",
	"StopDeliveryStreamEncryption", describing, auth.Records, auth.Flush,
}

// Rights implements console.Operator.
func (o streamOperator) Rights(name, authorization string) ([]string, error) {
	rights, err := o.node.gateway.Allowed(shownRights, name, authorization)
	return rights, refusal(err)
}

// Call implements console.Operator.
func (o streamOperator) Call(ctx context.Context, operation, authorization string, input []byte) (output []byte, err error) {
	err = o.node.gateway.As(operation, authorization, func(by ingest.Caller) error {
		output, err = o.node.control.Call(ctx, operation, input, by)
		return err
	})
	return output, detail(err)
}

// Draft implements console.Operator.
func (o streamOperator) Draft(ctx context.Context, operation, authorization string, input, record []byte, arrival time.Time) (places []web.Place, err error) {
	err = o.node.gateway.As(operation, authorization, func(by ingest.Caller) error {
		s, err := o.node.control.Draft(ctx, operation, input, by)
		if err != nil {
			return err
		}
		places, err = placesOf(s, record, arrival)
		return err
	})
	return places, detail(err)
}

// flushPatience is how long a person waits for a flush.
const flushPatience = 10 * time.Second

// Flush implements console.Operator.
func (o streamOperator) Flush(ctx context.Context, name, authorization string) (objects, records int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, flushPatience)
	defer cancel()
	err = o.node.gateway.As(auth.Flush, authorization, func(by ingest.Caller) error {
		if err := by.May(name); err != nil {
			return err
		}
		id, err := o.node.streams.idOf(name)
		if err != nil {
			return err
		}
		objects, records, err = o.node.flush(ctx, id)
		return err
	})
	return objects, records, detail(err)
}

// detail is what an error of the API says to people, without its code.
func detail(err error) error {
	if err == nil {
		return nil
	}
	e := ingest.AsError(err)
	if e.Code == ingest.Internal && e.Cause != nil {
		return e.Cause
	}
	return errors.New(e.Detail)
}
