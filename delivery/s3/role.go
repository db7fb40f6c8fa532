package s3

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"hydrant/delivery"
	"hydrant/stream"
)

// loadSettings reads the AWS settings of this machine, with the credentials that the definition asks for.
func loadSettings(ctx context.Context, definition stream.S3) (aws.Config, error) {
	options := []func(*config.LoadOptions) error{config.WithHTTPClient(newHTTPClient())}
	if definition.Region != "" {
		options = append(options, config.WithRegion(definition.Region))
	}
	if definition.Profile != "" {
		options = append(options, config.WithSharedConfigProfile(definition.Profile))
	}
	chain, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return chain, err
	}
	if definition.RoleARN != "" {
		chain.Credentials = assume(chain, definition)
	}
	return chain, nil
}

// sessionMargin is how long before their end a role's credentials are fetched anew.
const sessionMargin = 5 * time.Minute

// assume gives the credentials of the definition's role. The chain's own are used to ask for them.
func assume(chain aws.Config, definition stream.S3) aws.CredentialsProvider {
	client := sts.NewFromConfig(chain, func(o *sts.Options) {
		o.Region = cmp.Or(o.Region, "us-east-1") // as for the bucket
		o.Retryer = aws.NopRetryer{}             // delivery has its own
		o.HTTPClient = frozen(unkept(chain.HTTPClient), nil)
	})
	provider := stscreds.NewAssumeRoleProvider(client, definition.RoleARN, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = cmp.Or(definition.RoleSessionName, "hydrant")
		if definition.ExternalID != "" {
			o.ExternalID = &definition.ExternalID
		}
	})
	return aws.NewCredentialsCache(&role{definition.RoleARN, chain.Credentials, provider}, func(o *aws.CredentialsCacheOptions) {
		o.ExpiryWindow = sessionMargin
	})
}

// role tells its own troubles apart from those of the credentials that it is assumed with.
type role struct {
	arn      string
	base     aws.CredentialsProvider
	provider aws.CredentialsProvider
}

// Retrieve implements aws.CredentialsProvider.
func (r *role) Retrieve(ctx context.Context) (aws.Credentials, error) {
	if _, err := r.base.Retrieve(ctx); err != nil {
		return aws.Credentials{}, err
	}
	assumed, err := r.provider.Retrieve(ctx)
	if err != nil {
		return aws.Credentials{}, &roleError{r.arn, err}
	}
	return assumed, nil
}

// roleError says that a role cannot be assumed.
type roleError struct {
	arn string
	err error
}

func (e *roleError) Error() string {
	text := "assume the role " + e.arn + ": " + cause(e.err)
	if e.class() == delivery.Held {
		text += ": have its trust policy allow these credentials sts:AssumeRole, with external_id if it asks for one, or correct role_arn"
	}
	return inRequest(text, e.err)
}

func (e *roleError) Unwrap() error { return e.err }

// class is what STS's answer, or its silence, asks for.
func (e *roleError) class() delivery.Class {
	if status := statusOf(e.err); status != 0 {
		class, _ := classify(status, codeOf(e.err))
		return class
	}
	var sent *smithyhttp.RequestSendError
	if errors.As(e.err, &sent) {
		return delivery.Transient
	}
	return delivery.Held
}

// codeOf is the code of a service's answer; empty without one.
func codeOf(err error) string {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return ""
	}
	return api.ErrorCode()
}
