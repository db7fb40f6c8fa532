package control

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/service/firehose/schemas"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/transport/http"
	"github.com/aws/smithy-go/transport/http/protocol/awsjson"
)

var protocol = awsjson.New11(schemas.Firehose_20150804)

// output is an answer: one of the SDK's, with the schema that it is written by.
type output struct {
	value  smithy.Serializable
	schema *smithy.Schema
}

// extended is an answer with members of Hydrant's own.
type extended struct {
	smithy.Serializable
	more map[string]any // by name
}

// encode writes an answer as AWS JSON 1.1: what is not set is left out, times are seconds. The SDK's own encoder does it,
// which is meant for requests; golden answers are tested.
func encode(out output) ([]byte, error) {
	request := http.NewStackRequest().(*http.Request)
	request.URL.Path = "/"
	operation := smithy.NewOperationSchema(schemas.DescribeDeliveryStream, out.schema, nil) // its name goes to a header only
	if err := protocol.SerializeRequest(context.Background(), operation, out.value, request); err != nil {
		return nil, fmt.Errorf("encode the answer: %w", err)
	}
	answer, err := io.ReadAll(request.GetStream())
	if x, ok := out.value.(extended); ok && err == nil {
		answer, err = addMembers(answer, x.more)
	}
	if err != nil {
		return nil, fmt.Errorf("encode the answer: %w", err)
	}
	return answer, nil
}

// addMembers puts more members at the end of an object that has some.
func addMembers(object []byte, more map[string]any) ([]byte, error) {
	members, err := json.Marshal(more)
	if err != nil {
		return nil, err
	}
	return append(append(bytes.TrimSuffix(object, []byte("}")), ','), members[1:]...), nil
}
