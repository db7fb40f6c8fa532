package control

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/firehose/schemas"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"
)

const defaultListLimit = 10

// list names the streams that the caller may list, in the order of their names.
func (p *Plane) list(_ context.Context, in *firehose.ListDeliveryStreamsInput, c call) (output, error) {
	if err := c.MaySome(); err != nil {
		return output{}, err
	}
	names := []string{}
	if in.DeliveryStreamType == "" || in.DeliveryStreamType == types.DeliveryStreamTypeDirectPut {
		names = p.names()
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		return name <= aws.ToString(in.ExclusiveStartDeliveryStreamName) || !c.MaySee(name)
	})
	limit := int(defaultListLimit)
	if in.Limit != nil {
		limit = int(*in.Limit)
	}
	more := len(names) > limit
	return output{&firehose.ListDeliveryStreamsOutput{
		DeliveryStreamNames:    names[:min(limit, len(names))],
		HasMoreDeliveryStreams: &more,
	}, schemas.ListDeliveryStreamsOutput}, nil
}

// names are those of all streams, the ones that come and go included.
func (p *Plane) names() []string {
	names := []string{}
	for _, s := range p.deps.Node.Streams() {
		names = append(names, s.Definition.Name)
	}
	for _, r := range p.all() {
		names = append(names, r.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
