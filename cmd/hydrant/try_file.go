package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"

	"hydrant/gateway/firehose/control"
	"hydrant/gateway/ingest"
	"hydrant/stream"
)

// fromFile is the definition that a node would make of an input of CreateDeliveryStream.
func (c *tryCommand) fromFile(owner APIStreams) (stream.Stream, error) {
	in, err := inputFrom(c.File)
	if err != nil {
		return stream.Stream{}, err
	}
	if in, err = asCreation(in); err != nil {
		return stream.Stream{}, fmt.Errorf("%s: %w", c.File, err)
	}
	if c.Stream != "" {
		in["DeliveryStreamName"] = c.Stream
	}
	if err := checkMembers(c.File, "CreateDeliveryStream", in); err != nil {
		return stream.Stream{}, err
	}
	body, err := json.Marshal(in)
	if err != nil {
		return stream.Stream{}, err
	}
	if owner.Directory == "" { // where buckets are is nothing to what is tried
		owner.Role = cmp.Or(owner.Role, string(control.RoleIgnored))
	}
	s, err := owner.config().Definition(body)
	if e, ok := errors.AsType[*ingest.Error](err); ok {
		return s, fmt.Errorf("%s would be refused: %s", c.File, e.Detail)
	}
	return s, err
}

// asCreation is the input of CreateDeliveryStream that makes a stream of a description. What is no description is such an
// input.
func asCreation(in map[string]any) (map[string]any, error) {
	if inner, ok := in["DeliveryStreamDescription"].(map[string]any); ok {
		in = inner
	}
	destinations, ok := in["Destinations"].([]any)
	if !ok {
		return in, nil
	}
	for _, one := range destinations {
		described, _ := one.(map[string]any)
		if s3, ok := described["ExtendedS3DestinationDescription"].(map[string]any); ok {
			s3["S3BackupConfiguration"] = s3["S3BackupDescription"]
			delete(s3, "S3BackupDescription")
			return map[string]any{"DeliveryStreamName": in["DeliveryStreamName"], "ExtendedS3DestinationConfiguration": s3}, nil
		}
	}
	return nil, errors.New("it describes no ExtendedS3DestinationDescription")
}
