package control

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"

	"hydrant/stream"
	"hydrant/stream/jq"
)

// parameters are those that each processor takes, the ones that it needs marked. They are AWS's.
var parameters = map[types.ProcessorType]map[types.ProcessorParameterName]bool{
	types.ProcessorTypeDecompression:           {types.ProcessorParameterNameCompressionFormat: true},
	types.ProcessorTypeCloudWatchLogProcessing: {types.ProcessorParameterNameDataMessageExtraction: true},
	types.ProcessorTypeRecordDeAggregation:     {types.ProcessorParameterNameSubRecordType: true, types.ProcessorParameterNameDelimiter: false},
	types.ProcessorTypeMetadataExtraction: {
		types.ProcessorParameterNameMetadataExtractionQuery: true, types.ProcessorParameterNameJsonParsingEngine: true,
	},
	types.ProcessorTypeAppendDelimiterToRecord: {types.ProcessorParameterNameDelimiter: false},
	types.ProcessorTypeLambda: {
		types.ProcessorParameterNameLambdaArn: true, types.ProcessorParameterNameLambdaNumberOfRetries: false, types.ProcessorParameterNameRoleArn: false,
		types.ProcessorParameterNameBufferSizeInMb: false, types.ProcessorParameterNameBufferIntervalInSeconds: false,
	},
}

// processors are a call's processors by type, with their parameters. Firehose runs them in an order of its own, whatever
// theirs is.
type processors map[types.ProcessorType]map[types.ProcessorParameterName]string

// isPartitioned reports whether dynamic partitioning is asked for. It is unless it surely is not.
func isPartitioned(c *types.ExtendedS3DestinationConfiguration) bool {
	d := c.DynamicPartitioningConfiguration
	return d != nil && (d.Enabled == nil || *d.Enabled)
}

// processorsOf reads the processors that are asked for, and checks each by itself.
func processorsOf(c *types.ExtendedS3DestinationConfiguration) (processors, error) {
	p := c.ProcessingConfiguration
	if p == nil || p.Enabled != nil && !*p.Enabled || p.Enabled == nil && len(p.Processors) == 0 {
		return nil, nil
	}
	if len(p.Processors) == 0 {
		return nil, invalidArgument("ProcessingConfiguration must have at least one processor when it is enabled.")
	}
	found := processors{}
	for _, one := range p.Processors {
		if _, twice := found[one.Type]; twice {
			return nil, invalidArgument("ProcessingConfiguration has more than one processor of type %s.", one.Type)
		}
		given, err := parametersOf(one)
		if err != nil {
			return nil, err
		}
		if one.Type == types.ProcessorTypeCloudWatchLogProcessing && found[types.ProcessorTypeDecompression] == nil {
			return nil, invalidArgument("The CloudWatchLogProcessing processor must follow the Decompression processor.")
		}
		found[one.Type] = given
	}
	return found, nil
}

func parametersOf(p types.Processor) (map[types.ProcessorParameterName]string, error) {
	takes, known := parameters[p.Type]
	if !known {
		return nil, invalidArgument("The processor type %s is not supported by this version of Hydrant.", p.Type)
	}
	given := map[types.ProcessorParameterName]string{}
	for _, parameter := range p.Parameters {
		name := parameter.ParameterName
		if _, ok := takes[name]; !ok {
			return nil, invalidArgument("The parameter %s is not valid for the processor type %s.", name, p.Type)
		}
		if _, twice := given[name]; twice {
			return nil, invalidArgument("The parameter %s of the processor type %s is given twice.", name, p.Type)
		}
		given[name] = aws.ToString(parameter.ParameterValue)
	}
	for name, needed := range takes {
		if _, ok := given[name]; needed && !ok {
			return nil, invalidArgument("The processor type %s must have the parameter %s.", p.Type, name)
		}
	}
	return given, nil
}

// setProcessing puts what a call's processors do into a definition, and where its partition keys come from. Beyond what is
// checked here holds what every stream must satisfy.
func (p *Plane) setProcessing(d *stream.Stream, c *types.ExtendedS3DestinationConfiguration) error {
	all, err := processorsOf(c)
	if err != nil {
		return err
	}
	for _, set := range []func(*stream.Stream, processors) error{setDecompression, setDeaggregation, setKeys, setDelimiter} {
		if err := set(d, all); err != nil {
			return err
		}
	}
	if err := p.setLambda(d, c, all); err != nil {
		return err
	}
	return checkPartitioning(d, c, all)
}

func setDecompression(d *stream.Stream, p processors) error {
	if format, ok := p[types.ProcessorTypeDecompression]; ok {
		if value := format[types.ProcessorParameterNameCompressionFormat]; value != "GZIP" {
			return invalidArgument("CompressionFormat %q of the Decompression processor is not valid: it must be GZIP.", value)
		}
		d.Processing.Decompression = stream.DecompressionGzip
	}
	if extraction, ok := p[types.ProcessorTypeCloudWatchLogProcessing]; ok {
		switch value := extraction[types.ProcessorParameterNameDataMessageExtraction]; strings.ToLower(value) {
		case "true":
			d.Processing.CloudWatchLogs = stream.CloudWatchLogsMessages
		case "false":
		default:
			return invalidArgument("DataMessageExtraction %q of the CloudWatchLogProcessing processor is not valid: it must be true or false.", value)
		}
	}
	return nil
}

func setDeaggregation(d *stream.Stream, p processors) error {
	given, ok := p[types.ProcessorTypeRecordDeAggregation]
	if !ok {
		return nil
	}
	encoded, hasDelimiter := given[types.ProcessorParameterNameDelimiter]
	switch value := given[types.ProcessorParameterNameSubRecordType]; {
	case value == "JSON" && hasDelimiter:
		return invalidArgument("Delimiter of the RecordDeAggregation processor is not valid when SubRecordType is JSON.")
	case value == "JSON":
		d.Processing.Deaggregation = &stream.Deaggregation{Type: stream.DeaggregationJSON}
	case value != "DELIMITED":
		return invalidArgument("SubRecordType %q of the RecordDeAggregation processor is not valid: it must be JSON or DELIMITED.", value)
	case !hasDelimiter:
		return invalidArgument("The RecordDeAggregation processor must have the parameter Delimiter when SubRecordType is DELIMITED.")
	default:
		delimiter, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil || len(delimiter) == 0 {
			return invalidArgument("Delimiter %q of the RecordDeAggregation processor is not valid: it must be base64, as IyMjIw== for ####.", encoded)
		}
		d.Processing.Deaggregation = &stream.Deaggregation{Type: stream.DeaggregationDelimited, Delimiter: string(delimiter)}
	}
	return nil
}

func setKeys(d *stream.Stream, p processors) (err error) {
	given, ok := p[types.ProcessorTypeMetadataExtraction]
	if !ok {
		return nil
	}
	if engine := given[types.ProcessorParameterNameJsonParsingEngine]; engine != "JQ-1.6" {
		return invalidArgument("JsonParsingEngine %q of the MetadataExtraction processor is not valid: it must be JQ-1.6.", engine)
	}
	if d.PartitionKeys, err = jq.Keys(given[types.ProcessorParameterNameMetadataExtractionQuery]); err != nil {
		return invalidArgument("MetadataExtractionQuery: %v.", err)
	}
	return nil
}

// setDelimiter takes a delimiter with the escapes that people write for characters that no JSON of theirs can hold.
func setDelimiter(d *stream.Stream, p processors) error {
	if given, ok := p[types.ProcessorTypeAppendDelimiterToRecord]; ok {
		delimiter := given[types.ProcessorParameterNameDelimiter]
		if delimiter == "" {
			delimiter = "\n"
		}
		d.Delimiter = aws.String(strings.NewReplacer(`\n`, "\n", `\r`, "\r", `\t`, "\t").Replace(delimiter))
	}
	return nil
}

// The least that Firehose buffers for each partition.
const (
	leastPartitionedSize     = 64 // MiB
	leastPartitionedInterval = 60 // seconds
)

// checkPartitioning are Firehose's rules of dynamic partitioning.
func checkPartitioning(d *stream.Stream, c *types.ExtendedS3DestinationConfiguration, p processors) error {
	hints := describeS3(c).BufferingHints
	_, extracts := p[types.ProcessorTypeMetadataExtraction]
	_, transforms := p[types.ProcessorTypeLambda]
	switch {
	case !isPartitioned(c) && extracts:
		return invalidArgument("The MetadataExtraction processor can only be used when Dynamic Partitioning is enabled.")
	case !isPartitioned(c):
		return nil
	case *hints.SizeInMBs < leastPartitionedSize:
		return invalidArgument("BufferingHints.SizeInMBs must be at least %d when Dynamic Partitioning is enabled.", leastPartitionedSize)
	case *hints.IntervalInSeconds < leastPartitionedInterval:
		return invalidArgument("BufferingHints.IntervalInSeconds must be at least %d seconds when Dynamic Partitioning is enabled.", leastPartitionedInterval)
	case !extracts && !transforms:
		return invalidArgument("Processing Configuration must have a MetadataExtraction processor when Dynamic Partitioning is enabled.")
	case !usesPartitionKeys(aws.ToString(c.Prefix)):
		return invalidArgument(prefixConstraint + "Prefix must contain Dynamic Partitioning Namespaces when Dynamic Partitioning is enabled")
	}
	if err := checkNamespaces(d.Prefix, p); err != nil {
		return err
	}
	var unused []string
	for key := range d.PartitionKeys {
		if !strings.Contains(d.Prefix, "!{partitionKeyFromQuery:"+key+"}") {
			unused = append(unused, key)
		}
	}
	if slices.Sort(unused); len(unused) > 0 {
		return invalidArgument("MetadataExtractionQuery has keys that Prefix does not use: %s. Write !{partitionKeyFromQuery:%s} in Prefix, or remove it.",
			strings.Join(unused, ", "), unused[0])
	}
	return nil
}

// checkSwitch refuses what Firehose does not let a stream change.
func checkSwitch(before, after *types.ExtendedS3DestinationConfiguration) error {
	if isPartitioned(before) != isPartitioned(after) {
		return invalidArgument("Dynamic Partitioning can only be enabled when a Firehose is created, and cannot be disabled: create another one.")
	}
	return nil
}
