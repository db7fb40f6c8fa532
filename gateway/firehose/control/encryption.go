package control

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/firehose"
)

func (p *Plane) startEncryption(_ context.Context, in *firehose.StartDeliveryStreamEncryptionInput, c call) (output, error) {
	return p.refuseEncryption(*in.DeliveryStreamName, c)
}

func (p *Plane) stopEncryption(_ context.Context, in *firehose.StopDeliveryStreamEncryptionInput, c call) (output, error) {
	return p.refuseEncryption(*in.DeliveryStreamName, c)
}

// refuseEncryption says that there is none: a stream must never seem encrypted that is not.
func (p *Plane) refuseEncryption(name string, c call) (output, error) {
	if err := c.May(name); err != nil {
		return output{}, err
	}
	if _, err := p.findActive(name); err != nil {
		return output{}, err
	}
	return output{}, invalidArgument("%s is not supported by this version of Hydrant: %s.", c.Operation, notBuilt[c.Operation][""])
}
