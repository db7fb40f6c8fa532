// Package kms has data keys wrapped by AWS KMS, or by a server that speaks its protocol.
package kms

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/smithy-go"

	"hydrant/buffer"
	"hydrant/buffer/keyring"
)

// Config says where the KMS is. Credentials come from the AWS default chain, or from a named profile.
type Config struct {
	Region   string
	Endpoint string // URL; empty means AWS
	Profile  string // of the shared AWS files
}

// KMS is one region's. Its methods may be called from many goroutines at once.
type KMS struct {
	config Config

	mu     sync.Mutex
	client *sdk.Client // nil: to be made, with credentials read anew
}

// New prepares the use of a KMS and sends nothing.
func New(c Config) *KMS { return &KMS{config: c} }

// Master is the key of an ARN, which may be an alias.
func (k *KMS) Master(arn string) keyring.Master { return key{k, arn} }

type key struct {
	kms *KMS
	arn string
}

// New implements keyring.Master.
func (k key) New(ctx context.Context, id buffer.DataKeyID) (secret, wrapped []byte, err error) {
	client, err := k.kms.connect(ctx)
	if err != nil {
		return nil, nil, k.kms.failed(k.arn, err)
	}
	out, err := client.GenerateDataKey(ctx, &sdk.GenerateDataKeyInput{
		KeyId: &k.arn, KeySpec: types.DataKeySpecAes256, EncryptionContext: binding(id),
	})
	if err != nil {
		return nil, nil, k.kms.failed(k.arn, err)
	}
	return out.Plaintext, out.CiphertextBlob, nil
}

// Open implements keyring.Master. A key that KMS rotates stays the same to its users. An alias may name another key than the
// one that has wrapped, which the wrapped form names itself: that one is asked then.
func (k key) Open(ctx context.Context, id buffer.DataKeyID, wrapped []byte) (secret, rewrapped []byte, err error) {
	secret, err = k.decrypt(ctx, id, wrapped, &k.arn)
	var moved *types.IncorrectKeyException
	if strings.Contains(k.arn, ":alias/") && errors.As(err, &moved) {
		secret, err = k.decrypt(ctx, id, wrapped, nil)
	}
	if err != nil {
		return nil, nil, k.kms.failed(k.arn, err)
	}
	return secret, nil, nil
}

func (k key) decrypt(ctx context.Context, id buffer.DataKeyID, wrapped []byte, by *string) ([]byte, error) {
	client, err := k.kms.connect(ctx)
	if err != nil {
		return nil, err
	}
	out, err := client.Decrypt(ctx, &sdk.DecryptInput{CiphertextBlob: wrapped, KeyId: by, EncryptionContext: binding(id)})
	if err != nil {
		return nil, err
	}
	return out.Plaintext, nil
}

// binding keeps wrapped keys from being exchanged for each other, and shows in the KMS's own logs.
func binding(id buffer.DataKeyID) map[string]string {
	return map[string]string{"hydrant:data-key": strconv.FormatUint(uint64(id), 10)}
}

// failed says what an error means. The next call reads the credentials anew: somebody may have mended them.
func (k *KMS) failed(arn string, err error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.client = nil
	return classify(arn, err)
}

func (k *KMS) connect(ctx context.Context) (*sdk.Client, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.client != nil {
		return k.client, nil
	}
	chain, err := config.LoadDefaultConfig(ctx, config.WithRegion(k.config.Region), config.WithSharedConfigProfile(k.config.Profile))
	if err != nil {
		return nil, fmt.Errorf("read the AWS settings of this machine: %w", err)
	}
	k.client = sdk.NewFromConfig(chain, func(o *sdk.Options) {
		if k.config.Endpoint != "" {
			o.BaseEndpoint = &k.config.Endpoint
		}
		o.Retryer = aws.NopRetryer{} // the ring has its own
	})
	return k.client, nil
}

// refusals are the KMS's answers that somebody has to act upon. Everything else may pass by itself.
var refusals = map[string]string{
	"NotFoundException":           buffer.KeyNotFound,
	"AccessDeniedException":       buffer.KeyDenied,
	"DisabledException":           buffer.KeyDisabled,
	"KMSInvalidStateException":    buffer.KeyInvalidState,
	"InvalidKeyUsageException":    buffer.KeyInvalidState,
	"InvalidCiphertextException":  buffer.KeyInvalidState,
	"IncorrectKeyException":       buffer.KeyInvalidState,
	"InvalidArnException":         buffer.KeyNotFound,
	"ValidationException":         buffer.KeyInvalidState,
	"UnrecognizedClientException": buffer.KeyDenied,
	"InvalidClientTokenId":        buffer.KeyDenied,
	"InvalidSignatureException":   buffer.KeyDenied,
	"ExpiredTokenException":       buffer.KeyDenied,
}

func classify(arn string, err error) error {
	e := &buffer.DataKeyError{Code: buffer.KeyUnreachable, Reason: fmt.Sprintf("the KMS cannot be asked for %s: %v", arn, err)}
	var refused smithy.APIError
	if errors.As(err, &refused) {
		if code, ok := refusals[refused.ErrorCode()]; ok {
			e.Code = code
		}
		e.Reason = fmt.Sprintf("the KMS refuses %s: %s: %s", arn, refused.ErrorCode(), refused.ErrorMessage())
	}
	return e
}
