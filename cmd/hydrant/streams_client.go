package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"
)

// nodeClient calls the Firehose API of a running node, as any client does.
type nodeClient struct {
	URL  string `help:"Address of the node." default:"http://127.0.0.1:8080" env:"HYDRANT_URL"`
	Sign bool   `help:"Sign with the credentials of the AWS default chain. Done in any case where AWS_ACCESS_KEY_ID or AWS_PROFILE is set."`
}

// apiError is what a node answered instead of doing what it was asked.
type apiError struct {
	Type    string `json:"__type"`
	Message string `json:"message"`
}

func (e *apiError) Error() string { return e.Message + " (" + e.Type + ")" }

// maxAnswer is far above what a node answers, in bytes.
const maxAnswer = 16 << 20

// call calls an operation; in and out are its input and output as JSON.
func (c *nodeClient) call(ctx context.Context, operation string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("%s: %w", operation, err)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%s: %w", operation, err)
	}
	request.Header.Set("Content-Type", "application/x-amz-json-1.1")
	request.Header.Set("X-Amz-Target", "Firehose_20150804."+operation)
	if err := c.sign(ctx, request, body); err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("no answer: %w: is the node running there? --url or HYDRANT_URL names another address", err)
	}
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return fmt.Errorf("%s: %w", operation, err)
	}
	return readAnswer(response.StatusCode, answer, out)
}

func readAnswer(status int, answer []byte, out any) error {
	if status != http.StatusOK {
		refusal := new(apiError)
		if err := json.Unmarshal(answer, refusal); err != nil || refusal.Type == "" {
			return fmt.Errorf("the answer is no node's: status %d, %.200s: --url or HYDRANT_URL names a node's listener for producers",
				status, bytes.TrimSpace(answer))
		}
		return refusal
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("the answer is no node's: %w", err)
	}
	return nil
}

func (c *nodeClient) sign(ctx context.Context, request *http.Request, body []byte) error {
	if !c.Sign && os.Getenv("AWS_ACCESS_KEY_ID") == "" && os.Getenv("AWS_PROFILE") == "" {
		return nil
	}
	chain, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	key, err := chain.Credentials.Retrieve(ctx)
	if err != nil {
		return err
	}
	hash := sha256.Sum256(body)
	return v4.NewSigner().SignHTTP(ctx, key, request, hex.EncodeToString(hash[:]), "firehose", cmp.Or(chain.Region, "us-east-1"), time.Now())
}

// isGone says that a stream does not exist.
func isGone(err error) bool {
	var refusal *apiError
	return errors.As(err, &refusal) && refusal.Type == "ResourceNotFoundException"
}

// description is what the commands read of DescribeDeliveryStream. JSON keeps all of it.
type description struct {
	Name         string                          `json:"DeliveryStreamName"`
	ARN          string                          `json:"DeliveryStreamARN"`
	Status       string                          `json:"DeliveryStreamStatus"`
	Version      string                          `json:"VersionId"`
	Failure      *struct{ Details string }       `json:"FailureDescription"`
	Encryption   struct{ Status, KeyARN string } `json:"DeliveryStreamEncryptionConfiguration"`
	Destinations []struct {
		ID string `json:"DestinationId"`
		S3 struct {
			BucketARN, Prefix, ErrorOutputPrefix, CompressionFormat, CustomTimeZone, FileExtension, RoleARN string
			BufferingHints                                                                                  struct{ SizeInMBs, IntervalInSeconds int }
			CloudWatchLoggingOptions                                                                        struct{ LogGroupName, LogStreamName string }
			ProcessingConfiguration                                                                         struct {
				Enabled    bool
				Processors []struct{ Type string }
			}
			S3BackupMode        string
			S3BackupDescription struct{ BucketARN, Prefix string }
		} `json:"ExtendedS3DestinationDescription"`
	}

	json   json.RawMessage
	last   json.RawMessage // the last errors; absent from a node that does not tell them
	tags   []tag
	errors []deliveryError
}

// whole is the description as the API has it, and the last errors with it where there are some.
func (d *description) whole() json.RawMessage {
	if len(d.errors) == 0 {
		return d.json
	}
	end := bytes.LastIndexByte(d.json, '}')
	return slices.Concat(d.json[:end], []byte(`,"HydrantErrors":`), d.last, []byte("}"))
}

// deliveryError is one kind of error that delivery met lately.
type deliveryError struct {
	Code, Message, Destination string
	Backup                     bool
	Last                       time.Time
	Count                      int64
}

type tag struct{ Key, Value string }

// describe returns a stream's description and its tags.
func (c *nodeClient) describe(ctx context.Context, name string) (*description, error) {
	in := map[string]any{"DeliveryStreamName": name, "HydrantErrors": true}
	var answer struct {
		DeliveryStreamDescription json.RawMessage
		HydrantErrors             json.RawMessage
	}
	if err := c.call(ctx, "DescribeDeliveryStream", in, &answer); err != nil {
		return nil, err
	}
	d := &description{json: answer.DeliveryStreamDescription, last: answer.HydrantErrors}
	err := json.Unmarshal(d.json, d)
	if err == nil && len(d.last) > 0 {
		err = json.Unmarshal(d.last, &d.errors)
	}
	if err != nil || len(d.Destinations) == 0 {
		return nil, fmt.Errorf("the description of stream %s cannot be read: %w", name, errors.Join(err, errors.New(string(d.json))))
	}
	var listed struct{ Tags []tag }
	if err := c.call(ctx, "ListTagsForDeliveryStream", in, &listed); err != nil {
		return nil, err
	}
	d.tags = listed.Tags
	return d, nil
}

// owner is whose the stream is: the configuration file's, or the API's.
func (d *description) owner() string {
	for _, t := range d.tags {
		if t.Key == "hydrant:owner" {
			return t.Value
		}
	}
	return "API"
}
