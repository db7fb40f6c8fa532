// Package lambda calls functions of AWS Lambda, or of anything that speaks its Invoke API.
package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"hydrant/delivery/outbound"
	"hydrant/delivery/transform"
	"hydrant/stream"
)

// Function implements transform.Invoker.
type Function struct {
	arn    string
	client *sdk.Client
}

// New returns the function, with credentials of the AWS default chain or of a role assumed with them. Nothing is sent yet.
func New(ctx context.Context, d stream.Lambda) (*Function, error) {
	// Nothing but the context bounds a call: a function may take 15 minutes.
	options := []func(*config.LoadOptions) error{
		config.WithRegion(d.RegionOf()),
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(0)),
	}
	if d.Profile != "" {
		options = append(options, config.WithSharedConfigProfile(d.Profile))
	}
	settings, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("load the AWS configuration: %w", err)
	}
	if d.RoleARN != "" {
		settings.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(settings), d.RoleARN,
			func(o *stscreds.AssumeRoleOptions) {
				o.RoleSessionName = "hydrant"
				if d.External != "" {
					o.ExternalID = aws.String(d.External)
				}
			}))
	}
	return &Function{arn: d.ARN, client: sdk.NewFromConfig(settings, func(o *sdk.Options) {
		o.Retryer = aws.NopRetryer{}
		client, ok := settings.HTTPClient.(*awshttp.BuildableClient) // by now with the authorities of AWS_CA_BUNDLE
		if d.Endpoint != "" {
			o.BaseEndpoint = aws.String(d.Endpoint)
			if ok {
				client = client.WithDialerOptions(func(d *net.Dialer) { d.Control = outbound.Guard })
			}
		}
		if ok {
			o.HTTPClient = client.Freeze()
		}
	})}, nil
}

// Close lets idle connections go.
func (f *Function) Close() error {
	if client, ok := f.client.Options().HTTPClient.(interface{ CloseIdleConnections() }); ok {
		client.CloseIdleConnections()
	}
	return nil
}

// Invoke implements transform.Invoker.
func (f *Function) Invoke(ctx context.Context, request []byte) ([]byte, error) {
	out, err := f.client.Invoke(ctx, &sdk.InvokeInput{
		FunctionName: aws.String(f.arn), InvocationType: types.InvocationTypeRequestResponse, Payload: request,
	})
	switch {
	case err != nil:
		return nil, classify(err)
	case out.FunctionError != nil:
		const excerpt = 300
		code := transform.FunctionError
		var fault struct{ ErrorType string }
		if json.Unmarshal(out.Payload, &fault) == nil && fault.ErrorType == responseTooLarge {
			code = transform.AnswerTooLarge
		}
		return nil, &transform.Error{
			Class: transform.Failed, Code: code,
			Err: fmt.Errorf("%s: %s", *out.FunctionError, out.Payload[:min(len(out.Payload), excerpt)]),
		}
	case len(out.Payload) > transform.MaxPayload:
		return nil, &transform.Error{
			Class: transform.Failed, Code: transform.AnswerTooLarge,
			Err: fmt.Errorf("the answer has %d bytes; the limit is %d", len(out.Payload), transform.MaxPayload),
		}
	}
	return out.Payload, nil
}

// responseTooLarge is what Lambda itself calls an answer above its limit, where others would send it.
const responseTooLarge = "Function.ResponseSizeTooLarge"

// kind is what an error of the service means.
type kind struct {
	class transform.Class
	code  string
}

// kinds are the service's errors that are not about the function's own failing, by their codes.
var kinds = map[string]kind{
	"TooManyRequestsException":             {transform.Unavailable, transform.LimitExceeded},
	"ThrottlingException":                  {transform.Unavailable, transform.LimitExceeded},
	"EC2ThrottledException":                {transform.Unavailable, transform.LimitExceeded},
	"ServiceException":                     {transform.Unavailable, transform.Unreachable},
	"ResourceConflictException":            {transform.Unavailable, transform.Unreachable},
	"ResourceNotReadyException":            {transform.Unavailable, transform.Unreachable},
	"ENILimitReachedException":             {transform.Unavailable, "Lambda.ENILimitReachedException"},
	"SubnetIPAddressLimitReachedException": {transform.Unavailable, "Lambda.SubnetIPAddressLimitReachedException"},

	"ResourceNotFoundException":       {transform.Held, transform.NotFound},
	"InvalidSubnetIDException":        {transform.Held, "Lambda.InvalidSubnetIDException"},
	"InvalidSecurityGroupIDException": {transform.Held, "Lambda.InvalidSecurityGroupIDException"},
	"InvalidParameterValueException":  {transform.Held, transform.NotFound},

	"RequestTooLargeException": {transform.Failed, transform.TooLarge},
}

// classify says what kind of trouble an error of the client is.
func classify(err error) error {
	var api smithy.APIError
	if errors.Is(err, outbound.ErrForbidden) {
		return &transform.Error{Class: transform.Held, Code: transform.Unreachable, Err: fmt.Errorf("%w: correct the function's endpoint", err)}
	}
	if !errors.As(err, &api) {
		return &transform.Error{Class: transform.Unavailable, Code: transform.Unreachable, Err: err}
	}
	if k, ok := kinds[api.ErrorCode()]; ok {
		return &transform.Error{Class: k.class, Code: k.code, Err: err}
	}
	status := 0
	var response *awshttp.ResponseError
	if errors.As(err, &response) {
		status = response.HTTPStatusCode()
	}
	switch {
	case status == http.StatusTooManyRequests:
		return &transform.Error{Class: transform.Unavailable, Code: transform.LimitExceeded, Err: err}
	case status >= 500:
		return &transform.Error{Class: transform.Unavailable, Code: transform.Unreachable, Err: err}
	case status == http.StatusNotFound:
		return &transform.Error{Class: transform.Held, Code: transform.NotFound, Err: err}
	}
	return &transform.Error{Class: transform.Held, Code: transform.AccessDenied, Err: err} // credentials, signatures, policies
}
