package control

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"

	"hydrant/stream"
	"hydrant/stream/expr"
)

// timePrefix is what AWS appends to a prefix without expressions, and errorPrefix to one of errors.
const (
	timePrefix  = "!{timestamp:yyyy/MM/dd/HH}/"
	errorPrefix = "!{firehose:error-output-type}/" + timePrefix
)

// prefixConstraint begins what AWS says of prefixes that break a rule. The spelling is AWS's: people search for it.
const prefixConstraint = "Ths supplied prefix(es) do not satisfy the following constraint: "

// setPrefixes puts a call's prefixes, completed as AWS does, and their time zone into a definition. An empty prefix is
// none. Beyond what is checked here holds what every stream's prefixes must satisfy.
func setPrefixes(d *stream.Stream, c *types.ExtendedS3DestinationConfiguration) error {
	d.Prefix, d.ErrorPrefix, d.TimeZone = aws.ToString(c.Prefix), aws.ToString(c.ErrorOutputPrefix), aws.ToString(c.CustomTimeZone)
	if err := checkPrefixes(d.Prefix, d.ErrorPrefix, isPartitioned(c)); err != nil {
		return err
	}
	if len(d.TimeZone) == len("UTC") && d.TimeZone != "UTC" {
		return invalidArgument("CustomTimeZone: the abbreviation %q is not supported: write UTC or a name such as America/New_York.", d.TimeZone)
	}
	switch {
	case d.ErrorPrefix == "":
		d.ErrorPrefix = d.Prefix + errorPrefix
	case !expr.HasExpression(d.ErrorPrefix):
		d.ErrorPrefix += errorPrefix
	}
	if !expr.HasExpression(d.Prefix) {
		d.Prefix += timePrefix
	}
	return nil
}

// checkPrefixes are Firehose's rules for the two together, and those that it has words for.
func checkPrefixes(prefix, errors string, partitioned bool) error {
	const errorType = "!{firehose:error-output-type}"
	switch {
	case expr.HasExpression(prefix) && errors == "":
		return invalidArgument(prefixConstraint + "ErrorOutputPrefix cannot be null or empty when Prefix contains expressions")
	case strings.Contains(prefix, errorType):
		return invalidArgument(prefixConstraint + "Prefix cannot contain " + errorType)
	case usesPartitionKeys(errors):
		return invalidArgument(prefixConstraint + "ErrorOutputPrefix cannot contain the namespaces partitionKeyFromQuery and partitionKeyFromLambda")
	case expr.HasExpression(errors) && !strings.Contains(errors, errorType):
		return invalidArgument(prefixConstraint + "ErrorOutputPrefix must contain " + errorType + " when it contains expressions")
	case usesPartitionKeys(prefix) && !partitioned:
		return invalidArgument("Dynamic Partitioning Namespaces can only be part of a prefix expression when Dynamic Partitioning is enabled.")
	}
	return nil
}

func usesPartitionKeys(prefix string) bool {
	for _, n := range namespaces {
		if strings.Contains(prefix, "!{"+n.name+":") {
			return true
		}
	}
	return false
}
