package control

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/firehose"

	"hydrant/gateway/ingest"
	"hydrant/stream"
)

// Draft is the definition that a call of CreateDeliveryStream or UpdateDestination would put in force. The call is judged as
// if it were made, and nothing changes. Errors are of type *ingest.Error.
func (p *Plane) Draft(ctx context.Context, operation string, body []byte, by ingest.Caller) (stream.Stream, error) {
	c := call{operation, body, by}
	var r *record
	err := p.lookFirst(ctx, operation)
	switch {
	case err != nil:
	case operation == "CreateDeliveryStream":
		r, err = p.draftCreate(c)
	case operation == "UpdateDestination":
		r, err = p.draftUpdate(c)
	default:
		err = &ingest.Error{Code: ingest.UnknownOperation, Detail: operation + " makes no definition"}
	}
	if err != nil {
		return stream.Stream{}, asAnswer(err)
	}
	d, err := p.definition(r)
	if err != nil {
		return d, asAnswer(err)
	}
	return d, nil
}

// Definition is the one that a call of CreateDeliveryStream would put in force on a node that is so configured and has no
// such stream yet. Errors are of type *ingest.Error.
func (c Config) Definition(body []byte) (stream.Stream, error) {
	in := new(firehose.CreateDeliveryStreamInput)
	if err := decode("CreateDeliveryStream", body, in); err != nil {
		return stream.Stream{}, asAnswer(err)
	}
	p := &Plane{config: c, deps: Deps{Now: time.Now}}
	r, err := p.asked(in)
	if err != nil {
		return stream.Stream{}, asAnswer(err)
	}
	d, err := p.definition(r)
	if err != nil {
		return stream.Stream{}, asAnswer(err)
	}
	return d, nil
}

func (p *Plane) draftCreate(c call) (*record, error) {
	in := new(firehose.CreateDeliveryStreamInput)
	if err := decode(c.Operation, c.Body, in); err != nil {
		return nil, err
	}
	if err := c.May(*in.DeliveryStreamName); err != nil {
		return nil, err
	}
	r, err := p.asked(in)
	if err != nil {
		return nil, err
	}
	p.changing.Lock()
	defer p.changing.Unlock()
	return r, p.checkFree(r.Name)
}

func (p *Plane) draftUpdate(c call) (*record, error) {
	in := new(firehose.UpdateDestinationInput)
	if err := decode(c.Operation, c.Body, in); err != nil {
		return nil, err
	}
	if err := c.May(*in.DeliveryStreamName); err != nil {
		return nil, err
	}
	p.changing.Lock()
	defer p.changing.Unlock()
	before, err := p.findActive(*in.DeliveryStreamName)
	if err != nil {
		return nil, err
	}
	return p.updated(before, in)
}
