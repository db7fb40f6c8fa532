package s3

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"hydrant/delivery"
	"hydrant/delivery/outbound"
)

var errNoETag = errors.New("the answer has no ETag, so it is not an S3 store's: correct the endpoint")

// advice is what to do about answers that waiting does not mend, by the store's error code.
var advice = map[string]string{
	"AccessDenied":                       needs,
	"AllAccessDisabled":                  needs,
	"AuthorizationHeaderMalformed":       "correct the region",
	"EntityTooLarge":                     "lower buffering.size: one upload has at most 5 GiB",
	"ExpiredToken":                       "renew the credentials: their session has ended",
	"IllegalLocationConstraintException": "correct the region",
	"InvalidAccessKeyId":                 "correct the credentials: the store does not know the access key",
	"InvalidBucketName":                  "correct the bucket's name",
	"InvalidStorageClass":                "correct storage_class: the store does not know it",
	"InvalidTag":                         "correct tags",
	"InvalidToken":                       "renew the credentials: the session token is not valid",
	"KeyTooLongError":                    "shorten the prefix: a key has at most 1,024 bytes",
	"KMS.DisabledException":              "enable the key, or correct kms_key",
	"KMS.NotFoundException":              "correct kms_key: there is no such key in the bucket's region",
	"MetadataTooLarge":                   "shorten metadata",
	"MethodNotAllowed":                   "correct the endpoint: it is no S3 store",
	"NoSuchBucket":                       "create the bucket or correct its name",
	"NotImplemented":                     "use a store that supports what the message names",
	"PermanentRedirect":                  "correct the region or the endpoint",
	"QuotaExceeded":                      "raise the quota or free space",
	"XAdminUserNotFound":                 "correct the credentials: the store does not know the access key", // versitygw's InvalidAccessKeyId
	"RequestTimeTooSkewed":               "set this machine's clock",
	"SignatureDoesNotMatch":              "correct the credentials: the secret key is wrong, or a proxy changes requests",
}

const needs = "give these credentials s3:PutObject, s3:GetObject and s3:ListBucket on the bucket, also below " + probePrefix + " and " +
	leasePrefix + " (without s3:ListBucket S3 refuses to say that an object is absent), s3:PutObjectTagging where there are tags, " +
	"kms:GenerateDataKey and kms:Decrypt on the key where sse is aws:kms"

// noSuchKey is the code of a 404 that speaks of the object. Without a code it may be anybody's, such as a proxy's whose store is
// gone.
const noSuchKey = "NoSuchKey"

// uncoded are the codes of a 404 that has none: an answer to HEAD has no body, and the SDK puts its own.
var uncoded = map[string]bool{"": true, noSuchKey: true, "NotFound": true}

// passing are codes of answers with a status of the client's fault (400, 403, 409) that a repetition mends. Those that
// are true surely created nothing.
var passing = map[string]bool{
	"BadDigest":                   true, // damaged on its way
	"IncompleteBody":              true,
	"XAmzContentChecksumMismatch": true,
	"XAmzContentSHA256Mismatch":   true,
	"ConditionalRequestConflict":  false, // beside another upload of the key, perhaps one of ours that was given up
	"OperationAborted":            false,
	"NoSuchUpload":                false, // in parts: somebody aborted it, or it was ended already
	"RequestTimeout":              false, // of the body, or of what a proxy waited for
}

// unsent is the trouble of an operation of which nothing was sent.
func (d *Destination) unsent(op, key string, err error) error {
	trouble := &delivery.Error{Op: op, Key: key, Class: delivery.Held, Refused: true}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		trouble.Class = delivery.Transient
		trouble.Err = fmt.Errorf("bucket %s: %w", d.bucket, err)
		return trouble
	}
	var role *roleError
	if errors.As(err, &role) {
		trouble.Class = role.class()
		trouble.Err = fmt.Errorf("bucket %s: %w", d.bucket, err)
		return trouble
	}
	trouble.Err = fmt.Errorf("bucket %s: no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "+
		"a profile or a role: %w", d.bucket, err)
	return trouble
}

// answer turns the SDK's error into the contract's. What the store answered decides; without an answer, how far the
// request came.
func (d *Destination) answer(op, key string, err error) error {
	if err == nil {
		return nil
	}
	var response *awshttp.ResponseError
	if !errors.As(err, &response) || response.HTTPStatusCode() == 0 {
		return d.unanswered(op, key, err)
	}
	code, status := codeOf(err), response.HTTPStatusCode()
	d.judge(status, code)
	switch {
	case status == http.StatusPreconditionFailed && op == "create":
		return delivery.ErrExists
	case status == http.StatusNotFound && op != "create" && code == noSuchKey:
		return delivery.ErrNotExist
	}
	class, refused := classify(status, code)
	told := &told{bucket: d.bucket, err: err}
	if class == delivery.Held {
		told.advice = remedy(status, code, response.HTTPResponse().Header.Get("X-Amz-Bucket-Region"))
	}
	return &delivery.Error{Op: op, Key: key, Class: class, Refused: refused, Code: firehoseCode(status, code), Err: told}
}

// firehoseCode is the store's code in Firehose's form. An answer to HEAD has no body and so no code of its own.
func firehoseCode(status int, code string) string {
	const prefix = "S3."
	switch {
	case !uncoded[code]:
		return prefix + code
	case status == http.StatusForbidden:
		return prefix + "AccessDenied"
	}
	return ""
}

// classify judges an answer that is neither success nor one of delivery's own. A status above 500 says nothing about
// the outcome: it may come from a proxy that lost the store's answer.
func classify(status int, code string) (class delivery.Class, refused bool) {
	_, throttled := retry.DefaultThrottleErrorCodes[code]
	if refused, ok := passing[code]; ok {
		return delivery.Transient, refused
	}
	switch {
	case status == http.StatusTooManyRequests, status < 500 && throttled:
		return delivery.Throttled, true
	case status == http.StatusServiceUnavailable, throttled:
		return delivery.Throttled, false
	case status == http.StatusRequestTimeout, status == http.StatusConflict:
		return delivery.Transient, false
	case status == http.StatusNotImplemented:
		return delivery.Held, true
	case status == http.StatusInsufficientStorage:
		return delivery.Held, false
	case status >= 300 && status < 500:
		return delivery.Held, true
	}
	return delivery.Transient, false
}

// remedy is what the operator can do. An answer to HEAD has no body and so no code of its own.
func remedy(status int, code, region string) string {
	switch {
	case region != "" && (status/100 == 3 || status == http.StatusBadRequest):
		return "the bucket is in region " + region + ": set it"
	case advice[code] != "":
		return advice[code]
	case status == http.StatusForbidden:
		return needs
	case status/100 == 3:
		return advice["PermanentRedirect"]
	case status == http.StatusInsufficientStorage:
		return "free space in the store"
	}
	return "correct bucket, endpoint and region"
}

// unanswered is the trouble of a request without an answer.
func (d *Destination) unanswered(op, key string, err error) error {
	told := &told{bucket: d.bucket, err: err}
	trouble := &delivery.Error{Op: op, Key: key, Err: told}
	var certificate *tls.CertificateVerificationError
	var network *net.OpError
	var name *net.DNSError
	var sent *smithyhttp.RequestSendError
	switch {
	case errors.As(err, &certificate):
		trouble.Class, trouble.Refused = delivery.Held, true
		told.advice = "name the file with its authority in AWS_CA_BUNDLE"
	case errors.Is(err, http.ErrSchemeMismatch):
		trouble.Class, trouble.Refused = delivery.Held, true
		told.advice = "write the endpoint with http://"
	case errors.Is(err, outbound.ErrForbidden):
		trouble.Class, trouble.Refused = delivery.Held, true
		told.advice = "correct the endpoint"
	case errors.As(err, &name):
		trouble.Refused = true
		told.advice = "is the endpoint right, and can this machine resolve names?"
	case errors.As(err, &network) && network.Op == "dial":
		trouble.Refused = true
		told.advice = "is the store running, and the endpoint right?"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		told.advice = "no answer in time: is the store, or the way to it, overloaded?"
	case errors.As(err, &sent), errors.Is(err, context.Canceled), errors.Is(err, errNoETag):
		// Some or all of it was sent, and nobody knows what became of it.
	default: // the SDK refuses to build the request
		trouble.Class, trouble.Refused = delivery.Held, true
		told.advice = "correct bucket, endpoint and region"
	}
	return trouble
}
