package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// nodeKeyName is how people call the node's own master key, in the configuration as here.
const nodeKeyName = "node"

type streamsEncrypt struct {
	nodeClient
	asJSON
	Name string `arg:"" help:"The stream."`
	Key  string `help:"The master key: node for the node's own, or the ARN of a KMS key." default:"node"`
	Stop bool   `help:"Store what arrives from now on as it is."`
}

// Run starts or stops the encryption of what arrives from then on, and prints what is in force.
func (c *streamsEncrypt) Run(ctx context.Context, to console) error {
	operation, in := "StartDeliveryStreamEncryption", map[string]any{"DeliveryStreamName": c.Name}
	if c.Stop {
		operation = "StopDeliveryStreamEncryption"
	} else {
		in["DeliveryStreamEncryptionConfigurationInput"] = encryptionInput(c.Key)
	}
	if err := c.call(ctx, operation, in, &struct{}{}); err != nil {
		return err
	}
	d, err := c.describe(ctx, c.Name)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(to.Out, d.json)
	}
	_, err = fmt.Fprintf(to.Out, "stream %s: encryption %s\n", c.Name, strings.TrimSpace(d.Encryption.Status+" "+d.Encryption.KeyARN))
	return err
}

// encryptionInput is a master key in the API's terms.
func encryptionInput(key string) map[string]string {
	if key == nodeKeyName {
		return map[string]string{"KeyType": "AWS_OWNED_CMK"}
	}
	return map[string]string{"KeyType": "CUSTOMER_MANAGED_CMK", "KeyARN": key}
}

// streamsExtras are options that creating and updating a stream have in common.
type streamsExtras struct {
	Backup       string `help:"Bucket that keeps a second copy of every record as it came in, for good."`
	BackupPrefix string `help:"Prefix of the keys of these copies." placeholder:"PREFIX"`
	Log          string `help:"Log group and log stream that delivery errors are told under." placeholder:"GROUP:STREAM"`
}

// set puts what the options say into a destination; backup is the member that holds the backup's, and role what it is
// written as.
func (o *streamsExtras) set(destination map[string]any, backup, role string) error {
	if o.BackupPrefix != "" && o.Backup == "" {
		return errors.New("backup-prefix: name the bucket with --backup too")
	}
	if o.Backup != "" {
		copies := map[string]any{"RoleARN": role, "BucketARN": "arn:aws:s3:::" + o.Backup}
		if o.BackupPrefix != "" {
			copies["Prefix"] = o.BackupPrefix
		}
		destination["S3BackupMode"], destination[backup] = "Enabled", copies
	}
	if o.Log != "" {
		group, stream, ok := strings.Cut(o.Log, ":")
		if !ok || group == "" || stream == "" {
			return fmt.Errorf("log: %q is not GROUP:STREAM, as /firehose/clicks:delivery", o.Log)
		}
		destination["CloudWatchLoggingOptions"] = map[string]any{"Enabled": true, "LogGroupName": group, "LogStreamName": stream}
	}
	return nil
}
