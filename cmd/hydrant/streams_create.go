package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"hydrant/gateway/firehose/control"
)

type streamsCreate struct {
	nodeClient
	asJSON
	Name        string            `arg:"" help:"The stream."`
	Bucket      string            `help:"Bucket to deliver to."`
	Role        string            `help:"ARN of the role to deliver as, where the node assumes roles." default:"arn:aws:iam::000000000000:role/hydrant"`
	Prefix      string            `help:"Prefix of object keys, with !{...} expressions. Default: yyyy/MM/dd/HH/."`
	ErrorPrefix string            `help:"Prefix of the error output; needed where --prefix has expressions."`
	Size        int               `help:"Seal an object at this many MiB, 1 to 128." default:"5"`
	Interval    int               `help:"Seal an object after this many seconds, 0 to 900." default:"300"`
	Format      string            `help:"UNCOMPRESSED, GZIP, ZIP, Snappy or HADOOP_SNAPPY." default:"UNCOMPRESSED"`
	Extension   string            `help:"Extension of object keys, with its dot."`
	TimeZone    string            `help:"Time zone of the prefixes' timestamps, such as Europe/Berlin."`
	KMSKey      string            `name:"kms-key" help:"ARN of the KMS key that objects are encrypted with."`
	Encrypt     string            `help:"Encrypt records on the node's disk: node, for the node's own master key, or the ARN of a KMS key." placeholder:"KEY"`
	Tag         map[string]string `help:"Tags, as key=value."`
	streamsExtras
	File string `help:"JSON input of CreateDeliveryStream, which takes the place of all other options." type:"existingfile" placeholder:"FILE"`
}

// Run creates the stream and prints its ARN.
func (c *streamsCreate) Run(ctx context.Context, to console) error {
	in, err := c.input()
	if err != nil {
		return err
	}
	var made struct{ DeliveryStreamARN string }
	if err := c.call(ctx, "CreateDeliveryStream", in, &made); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(to.Out, made)
	}
	_, err = fmt.Fprintln(to.Out, made.DeliveryStreamARN)
	return err
}

func (c *streamsCreate) input() (map[string]any, error) {
	if c.File != "" {
		return c.fromFile()
	}
	if c.Bucket == "" {
		return nil, errors.New("bucket: name the bucket to deliver to, or --file")
	}
	destination := map[string]any{
		"RoleARN": c.Role, "BucketARN": "arn:aws:s3:::" + c.Bucket, "CompressionFormat": c.Format,
		"BufferingHints": map[string]int{"SizeInMBs": c.Size, "IntervalInSeconds": c.Interval},
	}
	for member, value := range map[string]string{
		"Prefix": c.Prefix, "ErrorOutputPrefix": c.ErrorPrefix, "FileExtension": c.Extension, "CustomTimeZone": c.TimeZone,
	} {
		if value != "" {
			destination[member] = value
		}
	}
	if c.KMSKey != "" {
		destination["EncryptionConfiguration"] = map[string]any{"KMSEncryptionConfig": map[string]any{"AWSKMSKeyARN": c.KMSKey}}
	}
	if err := c.set(destination, "S3BackupConfiguration", c.Role); err != nil {
		return nil, err
	}
	in := map[string]any{"DeliveryStreamName": c.Name, "ExtendedS3DestinationConfiguration": destination}
	if c.Encrypt != "" {
		in["DeliveryStreamEncryptionConfigurationInput"] = encryptionInput(c.Encrypt)
	}
	if len(c.Tag) > 0 {
		in["Tags"] = tagsOf(c.Tag)
	}
	return in, nil
}

func (c *streamsCreate) fromFile() (map[string]any, error) {
	in, err := inputFrom(c.File)
	if err != nil {
		return nil, err
	}
	in["DeliveryStreamName"] = c.Name
	return in, checkMembers(c.File, "CreateDeliveryStream", in)
}

// inputFrom reads an operation's input, as the aws CLI takes it with --cli-input-json.
func inputFrom(path string) (map[string]any, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	in := map[string]any{}
	if err := json.Unmarshal(text, &in); err != nil {
		return nil, fmt.Errorf("%s is not the JSON of an input: %w", path, err)
	}
	return in, nil
}

// checkMembers refuses a member that the operation does not have: a node would ignore it, as AWS does.
func checkMembers(path, operation string, in map[string]any) error {
	if e, ok := errors.AsType[*control.UnknownMemberError](control.CheckMembers(operation, in)); ok {
		return fmt.Errorf("%s: %s: %s", path, e.Path, unknownKey(e.Member, e.Known))
	}
	return nil
}
