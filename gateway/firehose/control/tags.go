package control

import (
	"context"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/firehose/schemas"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"

	"hydrant/gateway/ingest"
)

// maxTags is AWS's limit on a stream's tags.
const maxTags = 50

// ownerTag tells that a stream is the configuration file's. Streams made through the API have their own tags alone.
const (
	ownerTag        = "hydrant:owner"
	byConfiguration = "configuration"
)

func (p *Plane) tag(ctx context.Context, in *firehose.TagDeliveryStreamInput, c call) (output, error) {
	err := p.retag(ctx, *in.DeliveryStreamName, c, func(tags map[string]string) error {
		maps.Copy(tags, tagsOf(in.Tags))
		if n := len(tags); n > maxTags {
			return &ingest.Error{
				Code: ingest.LimitExceeded, Limit: maxTags, Size: int64(n),
				Detail: "Failed to add tags: a Firehose stream can have at most 50 tags.",
			}
		}
		return nil
	})
	return output{new(firehose.TagDeliveryStreamOutput), schemas.TagDeliveryStreamOutput}, err
}

func (p *Plane) untag(ctx context.Context, in *firehose.UntagDeliveryStreamInput, c call) (output, error) {
	err := p.retag(ctx, *in.DeliveryStreamName, c, func(tags map[string]string) error {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
		return nil
	})
	return output{new(firehose.UntagDeliveryStreamOutput), schemas.UntagDeliveryStreamOutput}, err
}

// retag changes a copy of a stream's tags and keeps it. The definition in force is not touched.
func (p *Plane) retag(ctx context.Context, name string, c call, change func(map[string]string) error) error {
	if err := c.May(name); err != nil {
		return err
	}
	p.changing.Lock()
	defer p.changing.Unlock()
	return again(func() error {
		before, err := p.findActive(name)
		if err != nil {
			return err
		}
		after := *before
		after.Tags = map[string]string{}
		maps.Copy(after.Tags, before.Tags)
		if err := change(after.Tags); err != nil {
			return err
		}
		return p.put(ctx, &after)
	})
}

func (p *Plane) listTags(_ context.Context, in *firehose.ListTagsForDeliveryStreamInput, c call) (output, error) {
	name := *in.DeliveryStreamName
	if err := c.May(name); err != nil {
		return output{}, err
	}
	tags, err := p.tagsOf(name)
	if err != nil {
		return output{}, err
	}
	listed := []types.Tag{}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		if key > aws.ToString(in.ExclusiveStartTagKey) {
			listed = append(listed, types.Tag{Key: &key, Value: aws.String(tags[key])})
		}
	}
	limit := maxTags
	if in.Limit != nil {
		limit = int(*in.Limit)
	}
	more := len(listed) > limit
	return output{&firehose.ListTagsForDeliveryStreamOutput{
		Tags: listed[:min(limit, len(listed))], HasMoreTags: &more,
	}, schemas.ListTagsForDeliveryStreamOutput}, nil
}

func (p *Plane) tagsOf(name string) (map[string]string, error) {
	if s := p.inForce(name); s != nil && s.Configured {
		return map[string]string{ownerTag: byConfiguration}, nil
	}
	if r := p.record(name); r != nil {
		return r.Tags, nil
	}
	return nil, p.notFound(name)
}
