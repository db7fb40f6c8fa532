package s3

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

// told is an error of the SDK's in an operator's order: where, what happened, what to do about it, and last what the
// store's owners ask for.
type told struct {
	bucket string
	advice string // empty where waiting mends it
	err    error
}

func (t *told) Error() string {
	text := "bucket " + t.bucket + ": " + cause(t.err)
	if t.advice != "" {
		text += ": " + t.advice
	}
	return inRequest(text, t.err)
}

func (t *told) Unwrap() error { return t.err }

// cause is what happened, without the SDK's words around it.
func cause(err error) string {
	var api smithy.APIError
	var sent *url.Error
	var answer *awshttp.ResponseError
	switch {
	case errors.As(err, &api):
		code, message := api.ErrorCode(), strings.TrimSuffix(api.ErrorMessage(), ".")
		if message == "" || message == code {
			return code
		}
		return code + ": " + message
	case errors.As(err, &sent):
		return sent.Err.Error()
	case errors.As(err, &answer) && answer.Err != nil:
		return answer.Err.Error()
	}
	return err.Error()
}

// inRequest puts the request behind a text: its operation, the answer's status, and the service's own names of it.
func inRequest(text string, err error) string {
	var operation *smithy.OperationError
	if !errors.As(err, &operation) {
		return text
	}
	text += " (" + operation.Operation()
	status := statusOf(err)
	if status == 0 {
		return text + ")"
	}
	text += fmt.Sprintf(", status %d", status)
	var request interface{ ServiceRequestID() string }
	var host interface{ ServiceHostID() string }
	if errors.As(err, &request) && request.ServiceRequestID() != "" {
		text += ", RequestID: " + request.ServiceRequestID()
	}
	if errors.As(err, &host) && host.ServiceHostID() != "" {
		text += ", HostID: " + host.ServiceHostID()
	}
	return text + ")"
}
