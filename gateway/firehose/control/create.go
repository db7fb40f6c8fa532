package control

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/firehose/schemas"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"

	"hydrant/gateway/ingest"
)

// maxStreams is AWS's quota.
const maxStreams = 5000

// create keeps a stream and puts it in force before it answers: to a client it is ACTIVE at the first look.
func (p *Plane) create(ctx context.Context, in *firehose.CreateDeliveryStreamInput, c call) (output, error) {
	name := *in.DeliveryStreamName
	if err := c.May(name); err != nil {
		return output{}, err
	}
	r, err := p.asked(in)
	if err != nil {
		return output{}, err
	}
	if err := p.tryKey(ctx, r); err != nil {
		return output{}, err
	}
	p.changing.Lock()
	defer p.changing.Unlock()
	created := output{&firehose.CreateDeliveryStreamOutput{DeliveryStreamARN: p.arn(name)}, schemas.CreateDeliveryStreamOutput}
	if c.Retries() && p.record(name).madeAs(r) {
		return created, nil
	}
	err = again(func() error {
		if err := p.checkFree(name); err != nil {
			return err
		}
		return p.put(ctx, r)
	})
	if err != nil {
		return output{}, err
	}
	if err := p.serve(ctx); err != nil {
		return output{}, errors.Join(notInForce(name, err), p.remove(ctx, r))
	}
	if s := p.inForce(name); r.Encryption != nil && (s == nil || !s.Encrypted) { // the key went away since it was tried
		return output{}, errors.Join(p.keyRefusal(name, nil), p.remove(ctx, r), p.serve(ctx))
	}
	p.deps.Log.Info("a stream is created through the API", "stream", name)
	return created, nil
}

// asked is the record of the stream that a call wants, which can be served.
func (p *Plane) asked(in *firehose.CreateDeliveryStreamInput) (*record, error) {
	destination, err := destinationOf(in)
	if err != nil {
		return nil, err
	}
	r := &record{
		Name: *in.DeliveryStreamName, Version: 1, Created: p.now(), Tags: tagsOf(in.Tags), Incarnation: rand.Text(),
		Source: in.DirectPutSourceConfiguration, Destination: destination,
	}
	if asked := in.DeliveryStreamEncryptionConfigurationInput; asked != nil {
		if r.Encryption, err = newEncryption(asked); err != nil {
			return nil, err
		}
	}
	_, err = p.definition(r)
	return r, err
}

// destinationOf checks that it is one that is built, and returns it in the larger of the two shapes.
func destinationOf(in *firehose.CreateDeliveryStreamInput) (*types.ExtendedS3DestinationConfiguration, error) {
	if err := checkOne(in, "DestinationConfiguration"); err != nil {
		return nil, err
	}
	if err := checkBuilt("CreateDeliveryStream", in); err != nil {
		return nil, err
	}
	if t := in.DeliveryStreamType; t != "" && t != types.DeliveryStreamTypeDirectPut {
		return nil, invalidArgument("DeliveryStreamType %s is not supported by this version of Hydrant: streams are written to directly (DirectPut).", t)
	}
	c := in.ExtendedS3DestinationConfiguration
	if c == nil {
		c = new(types.ExtendedS3DestinationConfiguration)
		//lint:ignore SA1019 clients still send the older shape
		merge(c, in.S3DestinationConfiguration)
	}
	return c, nil
}

// checkFree refuses a name that is taken. Called with changing held.
func (p *Plane) checkFree(name string) error {
	if r := p.record(name); r != nil && r.Leaving != "" {
		return inUse("Firehose %s under accountId %s is being deleted.", name, p.config.Account)
	} else if r != nil || p.inForce(name) != nil {
		return inUse("Firehose %s under accountId %s already exists.", name, p.config.Account)
	}
	if n := len(p.names()); n >= maxStreams {
		return &ingest.Error{
			Code: ingest.LimitExceeded, Limit: maxStreams, Size: int64(n),
			Detail: "You have already consumed your firehose quota of 5000 hoses.",
		}
	}
	return nil
}

// notInForce tells of a change that was kept and could not be put in force; the caller takes it back.
func notInForce(name string, err error) error {
	return errors.Join(&ingest.Error{Code: ingest.Internal, Detail: "the change could not be put in force; nothing has changed; retry", Cause: err})
}

// now is the time as descriptions tell it, to the millisecond.
func (p *Plane) now() time.Time { return p.deps.Now().UTC().Truncate(time.Millisecond) }

func tagsOf(tags []types.Tag) map[string]string {
	if len(tags) == 0 {
		return nil
	}
	out := map[string]string{}
	for _, tag := range tags {
		out[*tag.Key] = aws.ToString(tag.Value)
	}
	return out
}
