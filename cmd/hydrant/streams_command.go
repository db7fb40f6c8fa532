package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// streamsCommand looks at the streams of a running node and changes them, through the Firehose API; flush is the native one's.
type streamsCommand struct {
	List     streamsList     `cmd:"" help:"List the streams."`
	Describe streamsDescribe `cmd:"" help:"Describe a stream."`
	Create   streamsCreate   `cmd:"" help:"Create a stream into an S3 bucket."`
	Update   streamsUpdate   `cmd:"" help:"Change a stream."`
	Delete   streamsDelete   `cmd:"" help:"Deliver what a stream holds, and delete it."`
	Encrypt  streamsEncrypt  `cmd:"" help:"Start or stop the encryption of a stream's records on the node's disk."`
	Flush    streamsFlush    `cmd:"" help:"Seal now what a stream's open objects hold, without waiting for size and interval."`
	Tag      streamsTag      `cmd:"" help:"Show, set and remove a stream's tags."`
}

// asJSON makes a command print JSON.
type asJSON struct {
	JSON bool `name:"json" help:"Print JSON, as the API has it."`
}

func printJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

type streamsList struct {
	nodeClient
	asJSON
}

// Run prints a line for each stream that the caller may describe.
func (c *streamsList) Run(ctx context.Context, to console) error {
	names, err := c.names(ctx)
	if err != nil {
		return err
	}
	all := []json.RawMessage{}
	table := tabwriter.NewWriter(to.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tSTATUS\tVERSION\tOWNER\tBUCKET\tSEALED AT\tFORMAT\tPREFIX")
	for _, name := range names {
		d, err := c.describe(ctx, name)
		if isGone(err) {
			continue // since it was listed
		}
		if err != nil {
			return err
		}
		all = append(all, d.json)
		s3 := d.Destinations[0].S3
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%dMiB, %ds\t%s\t%s\n", d.Name, d.Status, d.Version, d.owner(), bucketName(s3.BucketARN),
			s3.BufferingHints.SizeInMBs, s3.BufferingHints.IntervalInSeconds, s3.CompressionFormat, s3.Prefix)
	}
	if c.JSON {
		return printJSON(to.Out, all)
	}
	return table.Flush()
}

// names are those of all streams.
func (c *nodeClient) names(ctx context.Context) ([]string, error) {
	var names []string
	for {
		in := map[string]any{"Limit": 1000}
		if len(names) > 0 {
			in["ExclusiveStartDeliveryStreamName"] = names[len(names)-1]
		}
		var page struct {
			DeliveryStreamNames    []string
			HasMoreDeliveryStreams bool
		}
		if err := c.call(ctx, "ListDeliveryStreams", in, &page); err != nil {
			return nil, err
		}
		names = append(names, page.DeliveryStreamNames...)
		if !page.HasMoreDeliveryStreams || len(page.DeliveryStreamNames) == 0 {
			return names, nil
		}
	}
}

func bucketName(arn string) string {
	_, name, _ := strings.Cut(arn, ":::")
	return name
}

type streamsDescribe struct {
	nodeClient
	asJSON
	Name string `arg:"" help:"The stream."`
}

// Run prints what there is to know of a stream.
func (c *streamsDescribe) Run(ctx context.Context, to console) error {
	d, err := c.describe(ctx, c.Name)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(to.Out, d.whole())
	}
	s3 := d.Destinations[0].S3
	table := tabwriter.NewWriter(to.Out, 0, 0, 2, ' ', 0)
	for _, line := range [][2]string{
		{"name", d.Name},
		{"arn", d.ARN},
		{"status", d.Status},
		{"version", d.Version},
		{"owner", d.owner()},
		{"bucket", bucketName(s3.BucketARN)},
		{"prefix", s3.Prefix},
		{"error prefix", s3.ErrorOutputPrefix},
		{"sealed at", fmt.Sprintf("%d MiB or %d s", s3.BufferingHints.SizeInMBs, s3.BufferingHints.IntervalInSeconds)},
		{"format", s3.CompressionFormat},
		{"file extension", s3.FileExtension},
		{"time zone", s3.CustomTimeZone},
		{"role", s3.RoleARN},
		{"processing", d.processing()},
		{"encryption", d.encryption()},
		{"backup", d.backup()},
		{"log", strings.Trim(s3.CloudWatchLoggingOptions.LogGroupName+" "+s3.CloudWatchLoggingOptions.LogStreamName, " ")},
		{"trouble", d.trouble()},
		{"tags", tagText(d.tags)},
	} {
		if line[1] != "" {
			fmt.Fprintf(table, "%s\t%s\n", line[0], line[1])
		}
	}
	if len(d.errors) > 0 {
		fmt.Fprintf(table, "\nlast errors\nWHEN\tTIMES\tCODE\tWHERE\tMESSAGE\n")
	}
	for _, e := range d.errors {
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\t%s\n", e.Last.UTC().Format(time.RFC3339), e.Count, e.Code, e.where(), e.Message)
	}
	return table.Flush()
}

// encryption is that of the node's disk.
func (d *description) encryption() string {
	if d.Encryption.Status == "DISABLED" {
		return ""
	}
	return strings.TrimSpace(d.Encryption.Status + " " + d.Encryption.KeyARN)
}

// processing are the types of the processors, in the order in which they were given.
func (d *description) processing() string {
	p := d.Destinations[0].S3.ProcessingConfiguration
	if !p.Enabled {
		return ""
	}
	var kinds []string
	for _, one := range p.Processors {
		kinds = append(kinds, one.Type)
	}
	return strings.Join(kinds, ", ")
}

func (d *description) backup() string {
	s3 := d.Destinations[0].S3
	if s3.S3BackupMode != "Enabled" {
		return ""
	}
	return bucketName(s3.S3BackupDescription.BucketARN) + " " + s3.S3BackupDescription.Prefix
}

func (e *deliveryError) where() string {
	if e.Backup {
		return "backup " + e.Destination
	}
	return cmp.Or(e.Destination, "processing")
}

func (d *description) trouble() string {
	if d.Failure == nil {
		return ""
	}
	return d.Failure.Details
}

func tagText(tags []tag) string {
	var texts []string
	for _, t := range tags {
		texts = append(texts, t.Key+"="+t.Value)
	}
	return strings.Join(texts, ", ")
}

type streamsDelete struct {
	nodeClient
	asJSON
	Name    string        `arg:"" help:"The stream."`
	Force   bool          `help:"Give up what is not delivered yet, as Amazon's API does."`
	Timeout time.Duration `help:"Stop waiting after this long; the node goes on (0: never)." default:"0s"`
}

// looking is the pause between two looks at a stream that is being deleted.
const looking = 200 * time.Millisecond

// Run returns when the stream is gone. Interrupted, it leaves the rest to the node.
func (c *streamsDelete) Run(ctx context.Context, to console) error {
	in := map[string]any{"DeliveryStreamName": c.Name, "HydrantDrain": !c.Force}
	if err := c.call(ctx, "DeleteDeliveryStream", in, &struct{}{}); err != nil {
		return err
	}
	if c.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.Timeout)
		defer cancel()
	}
	if err := c.awaitGone(ctx, to); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(to.Out, map[string]any{"DeliveryStreamName": c.Name, "Deleted": true})
	}
	_, err := fmt.Fprintf(to.Out, "stream %s is deleted\n", c.Name)
	return err
}

// awaitGone looks until the stream is gone, and tells why it is not delivered yet, each reason once.
func (c *streamsDelete) awaitGone(ctx context.Context, to console) error {
	tick := time.NewTicker(looking)
	defer tick.Stop()
	for told := ""; ; {
		d, err := c.describe(ctx, c.Name)
		switch {
		case isGone(err):
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("stream %s takes no more records; the node goes on deleting it: %w", c.Name, context.Cause(ctx))
		case err != nil:
			return err
		case d.trouble() != told:
			told = d.trouble()
			fmt.Fprintf(to.Err, "not delivered yet: %s\n", told)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

type streamsTag struct {
	nodeClient
	asJSON
	Name   string            `arg:"" help:"The stream."`
	Tags   map[string]string `arg:"" optional:"" help:"Tags to set, as key=value."`
	Remove []string          `help:"Keys of tags to remove." placeholder:"KEY"`
}

// Run changes tags, if any are named, and prints all that there are.
func (c *streamsTag) Run(ctx context.Context, to console) error {
	in := map[string]any{"DeliveryStreamName": c.Name}
	if len(c.Remove) > 0 {
		in["TagKeys"] = c.Remove
		if err := c.call(ctx, "UntagDeliveryStream", in, &struct{}{}); err != nil {
			return err
		}
	}
	if len(c.Tags) > 0 {
		in["Tags"] = tagsOf(c.Tags)
		if err := c.call(ctx, "TagDeliveryStream", in, &struct{}{}); err != nil {
			return err
		}
	}
	d, err := c.describe(ctx, c.Name)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(to.Out, d.tags)
	}
	for _, t := range d.tags {
		fmt.Fprintf(to.Out, "%s=%s\n", t.Key, t.Value)
	}
	return nil
}

func tagsOf(tags map[string]string) []tag {
	var all []tag
	for key, value := range tags {
		all = append(all, tag{key, value})
	}
	return all
}
