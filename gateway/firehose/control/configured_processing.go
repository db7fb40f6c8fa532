package control

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"

	"hydrant/stream"
)

// describeProcessing is a definition's processing as Firehose's processors; nil without any.
func describeProcessing(d stream.Stream) *types.ProcessingConfiguration {
	var all []types.Processor
	add := func(kind types.ProcessorType, parameters ...types.ProcessorParameter) {
		all = append(all, types.Processor{Type: kind, Parameters: parameters})
	}
	with := func(name types.ProcessorParameterName, value string) types.ProcessorParameter {
		return types.ProcessorParameter{ParameterName: name, ParameterValue: &value}
	}
	if d.Processing.Decompression != "" {
		add(types.ProcessorTypeDecompression, with(types.ProcessorParameterNameCompressionFormat, "GZIP"))
	}
	if d.Processing.CloudWatchLogs != "" {
		add(types.ProcessorTypeCloudWatchLogProcessing, with(types.ProcessorParameterNameDataMessageExtraction, "true"))
	}
	switch split := d.Processing.Deaggregation; {
	case split == nil:
	case split.Type == stream.DeaggregationJSON:
		add(types.ProcessorTypeRecordDeAggregation, with(types.ProcessorParameterNameSubRecordType, "JSON"))
	default:
		add(types.ProcessorTypeRecordDeAggregation, with(types.ProcessorParameterNameSubRecordType, "DELIMITED"),
			with(types.ProcessorParameterNameDelimiter, base64.StdEncoding.EncodeToString([]byte(split.Delimiter))))
	}
	if d.Transform != nil {
		add(types.ProcessorTypeLambda, describeFunction(*d.Transform)...)
	}
	if len(d.PartitionKeys) > 0 {
		var members []string
		for _, key := range slices.Sorted(maps.Keys(d.PartitionKeys)) {
			members = append(members, fmt.Sprintf("%q: (%s)", key, d.PartitionKeys[key]))
		}
		add(types.ProcessorTypeMetadataExtraction,
			with(types.ProcessorParameterNameMetadataExtractionQuery, "{"+strings.Join(members, ", ")+"}"),
			with(types.ProcessorParameterNameJsonParsingEngine, "JQ-1.6"))
	}
	if delimiter := aws.ToString(d.Delimiter); delimiter != "" && len(all) > 0 {
		add(types.ProcessorTypeAppendDelimiterToRecord, with(types.ProcessorParameterNameDelimiter, strings.ReplaceAll(delimiter, "\n", `\n`)))
	}
	if len(all) == 0 {
		return nil
	}
	return &types.ProcessingConfiguration{Enabled: aws.Bool(true), Processors: all}
}
