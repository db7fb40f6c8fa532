package control

import (
	"context"
	"errors"
	"reflect"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/firehose/schemas"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"

	"hydrant/gateway/ingest"
)

// update changes a destination: members that are not sent keep their value. What arrives after the answer is delivered
// under the new version, what arrived before under the old one.
func (p *Plane) update(ctx context.Context, in *firehose.UpdateDestinationInput, c call) (output, error) {
	name := *in.DeliveryStreamName
	if err := c.May(name); err != nil {
		return output{}, err
	}
	p.changing.Lock()
	defer p.changing.Unlock()
	var after *record
	err := again(func() error {
		before, err := p.findActive(name)
		if err != nil {
			return err
		}
		if c.Retries() && before.updatedBy(in) {
			after = before
			return nil
		}
		if after, err = p.updated(before, in); err != nil {
			return err
		}
		return p.replace(ctx, before, after)
	})
	if err != nil {
		return output{}, err
	}
	p.deps.Log.Info("a stream is updated through the API", "stream", name, "version", after.Version)
	return output{new(firehose.UpdateDestinationOutput), schemas.UpdateDestinationOutput}, nil
}

// replace keeps a record in the place of another and puts it in force, or takes it back.
func (p *Plane) replace(ctx context.Context, before, after *record) error {
	if err := p.put(ctx, after); err != nil {
		return err
	}
	if err := p.serve(ctx); err != nil {
		restored := *before
		return errors.Join(notInForce(before.Name, err), p.put(ctx, &restored))
	}
	return nil
}

// updated is what becomes of a record, which can be served.
func (p *Plane) updated(before *record, in *firehose.UpdateDestinationInput) (*record, error) {
	if version := strconv.FormatUint(before.Version, 10); version != *in.CurrentDeliveryStreamVersionId {
		return nil, &ingest.Error{
			Code: ingest.VersionConflict,
			Detail: "Cannot update firehose: " + before.Name + " since the current version id: " + version +
				" and specified version id: " + *in.CurrentDeliveryStreamVersionId + " do not match",
		}
	}
	if *in.DestinationId != destinationID {
		return nil, invalidArgument("Destination Id %s not found", *in.DestinationId)
	}
	if err := checkOne(in, "DestinationUpdate"); err != nil {
		return nil, err
	}
	if err := checkBuilt("UpdateDestination", in); err != nil {
		return nil, err
	}
	destination := changed(before.Destination, in)
	if err := checkStaysBackedUp(before.Destination, destination); err != nil {
		return nil, err
	}
	after := *before
	after.Destination, after.Version, after.Updated = destination, before.Version+1, p.now()
	if err := checkSwitch(before.Destination, destination); err != nil {
		return nil, err
	}
	_, err := p.definition(&after)
	return &after, err
}

// changed is what becomes of a destination, which stays as it is.
func changed(before *types.ExtendedS3DestinationConfiguration, in *firehose.UpdateDestinationInput) *types.ExtendedS3DestinationConfiguration {
	after := *before
	if change := in.ExtendedS3DestinationUpdate; change == nil {
		//lint:ignore SA1019 clients still send the older shape
		merge(&after, in.S3DestinationUpdate)
	} else {
		merge(&after, change)
		if change.S3BackupUpdate != nil {
			after.S3BackupConfiguration = updatedBackup(after.S3BackupConfiguration, change.S3BackupUpdate)
		}
	}
	return &after
}

// merge sets the fields of into that are set in a structure with fields of the same names and types.
func merge(into, from any) {
	target, source := reflect.ValueOf(into).Elem(), reflect.ValueOf(from).Elem()
	for i := range source.NumField() {
		field := target.FieldByName(source.Type().Field(i).Name)
		if field.IsValid() && field.CanSet() && field.Type() == source.Field(i).Type() && !source.Field(i).IsZero() {
			field.Set(source.Field(i))
		}
	}
}
