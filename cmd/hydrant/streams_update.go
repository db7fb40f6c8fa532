package main

import (
	"context"
	"errors"
	"fmt"
)

type streamsUpdate struct {
	nodeClient
	asJSON
	Name        string  `arg:"" help:"The stream."`
	Bucket      *string `help:"Bucket to deliver to."`
	Role        *string `help:"ARN of the role to deliver as."`
	Prefix      *string `help:"Prefix of object keys."`
	ErrorPrefix *string `help:"Prefix of the error output."`
	Size        *int    `help:"Seal an object at this many MiB, 1 to 128."`
	Interval    *int    `help:"Seal an object after this many seconds, 0 to 900."`
	Format      *string `help:"UNCOMPRESSED, GZIP, ZIP, Snappy or HADOOP_SNAPPY."`
	Extension   *string `help:"Extension of object keys, with its dot; empty for that of the format."`
	TimeZone    *string `help:"Time zone of the prefixes' timestamps; empty for UTC."`
	streamsExtras
	File string `help:"JSON input of UpdateDestination, which takes the place of all other options; version and destination may be left out." type:"existingfile" placeholder:"FILE"`
}

// Run changes what is named and leaves the rest. It fails if somebody else changes the stream at the same time.
func (c *streamsUpdate) Run(ctx context.Context, to console) error {
	d, err := c.describe(ctx, c.Name)
	if err != nil {
		return err
	}
	in, err := c.input(d)
	if err != nil {
		return err
	}
	if err := c.call(ctx, "UpdateDestination", in, &struct{}{}); err != nil {
		return err
	}
	after, err := c.describe(ctx, c.Name)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(to.Out, after.json)
	}
	_, err = fmt.Fprintf(to.Out, "stream %s has version %s\n", c.Name, after.Version)
	return err
}

// input names the version that was described, where the file names no other.
func (c *streamsUpdate) input(d *description) (in map[string]any, err error) {
	if c.File != "" {
		if in, err = inputFrom(c.File); err == nil {
			err = checkMembers(c.File, "UpdateDestination", in)
		}
	} else {
		var change map[string]any
		change, err = c.change(d)
		in = map[string]any{"ExtendedS3DestinationUpdate": change}
	}
	if err != nil {
		return nil, err
	}
	in["DeliveryStreamName"] = c.Name
	for member, value := range map[string]string{"CurrentDeliveryStreamVersionId": d.Version, "DestinationId": d.Destinations[0].ID} {
		if in[member] == nil {
			in[member] = value
		}
	}
	return in, nil
}

// change is what the options say, in the API's terms. Size and interval go together.
func (c *streamsUpdate) change(d *description) (map[string]any, error) {
	change := map[string]any{}
	for member, value := range map[string]*string{
		"RoleARN": c.Role, "Prefix": c.Prefix, "ErrorOutputPrefix": c.ErrorPrefix, "CompressionFormat": c.Format,
		"FileExtension": c.Extension, "CustomTimeZone": c.TimeZone,
	} {
		if value != nil {
			change[member] = *value
		}
	}
	if c.Bucket != nil {
		change["BucketARN"] = "arn:aws:s3:::" + *c.Bucket
	}
	if hints := d.Destinations[0].S3.BufferingHints; c.Size != nil || c.Interval != nil {
		change["BufferingHints"] = map[string]int{"SizeInMBs": or(c.Size, hints.SizeInMBs), "IntervalInSeconds": or(c.Interval, hints.IntervalInSeconds)}
	}
	role := d.Destinations[0].S3.RoleARN
	if c.Role != nil {
		role = *c.Role
	}
	if err := c.set(change, "S3BackupUpdate", role); err != nil {
		return nil, err
	}
	if len(change) == 0 {
		return nil, errors.New("nothing to change is named; see hydrant streams update --help")
	}
	return change, nil
}

func or(value *int, otherwise int) int {
	if value == nil {
		return otherwise
	}
	return *value
}
