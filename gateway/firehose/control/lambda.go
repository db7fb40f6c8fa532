package control

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"

	"hydrant/stream"
)

// Functions says how the functions of Lambda processors are called, and with whose credentials. The zero Functions calls
// none: the processor is refused.
type Functions struct {
	Endpoint string // of anything that speaks Lambda's Invoke API; empty means AWS
	Region   string // empty means the one of the function's ARN
	Profile  string // of the shared AWS files; empty means the default chain
	Role     Role   // what a processor's RoleArn is for
}

// Firehose's bounds of a Lambda processor's parameters.
const (
	leastBatch        = 0.2 // MiB
	mostBatch         = 3   // MiB
	mostBatchInterval = 900 // seconds
	mostRetries       = 300
)

// setLambda has each record given to the function that a call names. The error is of type *ingest.Error.
func (p *Plane) setLambda(d *stream.Stream, c *types.ExtendedS3DestinationConfiguration, all processors) error {
	given, ok := all[types.ProcessorTypeLambda]
	if !ok {
		return nil
	}
	place := p.config.Functions
	if place.Role == "" {
		return invalidArgument("The processor type Lambda cannot be used on this node: its configuration does not say how functions are " +
			"called (api_streams.lambda).")
	}
	role := cmp.Or(given[types.ProcessorParameterNameRoleArn], aws.ToString(c.RoleARN))
	if !firehoseModel().Shapes["RoleARN"].matches(role) {
		return invalidArgument("RoleArn %q of the Lambda processor is not valid: it must be the ARN of a role.", role)
	}
	function := &stream.Lambda{
		ARN:      given[types.ProcessorParameterNameLambdaArn],
		Endpoint: place.Endpoint, Region: place.Region, Profile: place.Profile,
	}
	if place.Role == RoleAssumed {
		function.RoleARN = role
	}
	d.Transform = &stream.Transform{Lambda: function}
	return setBatches(d.Transform, given)
}

// setBatches are the parameters that say when and how often a function is called. What is not given is Firehose's default.
func setBatches(t *stream.Transform, given map[types.ProcessorParameterName]string) error {
	if text, ok := given[types.ProcessorParameterNameLambdaNumberOfRetries]; ok {
		retries, err := wholeNumber(types.ProcessorParameterNameLambdaNumberOfRetries, text, mostRetries)
		if err != nil {
			return err
		}
		t.Retries = &retries
	}
	if text, ok := given[types.ProcessorParameterNameBufferSizeInMb]; ok {
		size, err := strconv.ParseFloat(text, 64)
		if err != nil || !(size >= leastBatch && size <= mostBatch) { // so that no NaN passes
			return invalidArgument("BufferSizeInMBs %q of the Lambda processor is not valid: it must be a number from %v to %d.", text, leastBatch, mostBatch)
		}
		t.Buffering.Size = stream.Size(size * float64(stream.MiB))
	}
	if text, ok := given[types.ProcessorParameterNameBufferIntervalInSeconds]; ok {
		seconds, err := wholeNumber(types.ProcessorParameterNameBufferIntervalInSeconds, text, mostBatchInterval)
		if err != nil {
			return err
		}
		t.Buffering.Interval = new(stream.Duration(time.Duration(seconds) * time.Second))
	}
	return nil
}

func wholeNumber(name types.ProcessorParameterName, text string, most int) (int, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n > uint64(most) {
		return 0, invalidArgument("%s %q of the Lambda processor is not valid: it must be a whole number from 0 to %d.", name, text, most)
	}
	return int(n), nil
}

// namespaces are those of keys in prefixes, with the processor that makes the keys.
var namespaces = []struct {
	name string
	of   types.ProcessorType
}{
	{"partitionKeyFromQuery", types.ProcessorTypeMetadataExtraction},
	{"partitionKeyFromLambda", types.ProcessorTypeLambda},
}

// checkNamespaces wants the processors that make the keys of a prefix.
func checkNamespaces(prefix string, all processors) error {
	for _, n := range namespaces {
		if _, there := all[n.of]; !there && strings.Contains(prefix, "!{"+n.name+":") {
			return invalidArgument("Processing Configuration must have a %s processor when Prefix contains the namespace %s.", n.of, n.name)
		}
	}
	return nil
}

// describeFunction is a definition's function as the parameters of a Lambda processor. A function that is none of Lambda's is
// told by its address, as in error output.
func describeFunction(t stream.Transform) (parameters []types.ProcessorParameter) {
	add := func(name types.ProcessorParameterName, value string) {
		parameters = append(parameters, types.ProcessorParameter{ParameterName: name, ParameterValue: &value})
	}
	add(types.ProcessorParameterNameLambdaArn, t.Name())
	add(types.ProcessorParameterNameLambdaNumberOfRetries, strconv.Itoa(*t.Retries))
	if t.Lambda != nil && t.Lambda.RoleARN != "" {
		add(types.ProcessorParameterNameRoleArn, t.Lambda.RoleARN)
	}
	add(types.ProcessorParameterNameBufferSizeInMb, strconv.FormatFloat(float64(t.Buffering.Size)/float64(stream.MiB), 'f', -1, 64))
	add(types.ProcessorParameterNameBufferIntervalInSeconds,
		strconv.FormatFloat(time.Duration(*t.Buffering.Interval).Seconds(), 'f', -1, 64))
	return parameters
}
