package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/firehose/schemas"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"

	"hydrant/buffer"
	"hydrant/gateway/ingest"
	"hydrant/stream"
)

// encryption is what calls have said of a stream's encryption. It is immutable.
type encryption struct {
	Type     types.KeyType `json:"type,omitempty"` // empty while it is stopped
	KeyARN   string        `json:"key_arn,omitempty"`
	Revision uint64        `json:"revision"`        // counts the starts: each has a data key of its own
	Calls    []time.Time   `json:"calls,omitempty"` // the last ones that started or stopped it
}

// AWS's quota of calls that start or stop a stream's encryption.
const (
	encryptionCalls = 25
	encryptionTime  = 24 * time.Hour
)

// asked is what a definition says for it.
func (e *encryption) asked() (encrypt string, revision uint64) {
	switch {
	case e == nil || e.Type == "":
		return "", 0
	case e.Type == types.KeyTypeCustomerManagedCmk:
		return e.KeyARN, e.Revision
	}
	return stream.NodeKey, e.Revision
}

// encryptionOf is the reverse of asked, for a stream of the configuration file.
func encryptionOf(encrypt string) *encryption {
	switch encrypt {
	case "":
		return nil
	case stream.NodeKey:
		return &encryption{Type: types.KeyTypeAwsOwnedCmk}
	}
	return &encryption{Type: types.KeyTypeCustomerManagedCmk, KeyARN: encrypt}
}

// newEncryption is what a call asks for. Without words it is the node's own key, as it is AWS's at AWS.
func newEncryption(in *types.DeliveryStreamEncryptionConfigurationInput) (*encryption, error) {
	e := &encryption{Type: types.KeyTypeAwsOwnedCmk, Revision: 1}
	if in != nil {
		e.Type, e.KeyARN = in.KeyType, aws.ToString(in.KeyARN)
	}
	switch {
	case e.Type == types.KeyTypeCustomerManagedCmk && e.KeyARN == "":
		return nil, invalidArgument("KeyARN is required if KeyType is set to CUSTOMER_MANAGED_CMK.")
	case e.Type == types.KeyTypeAwsOwnedCmk && e.KeyARN != "":
		return nil, invalidArgument("KeyARN must not be set if KeyType is set to AWS_OWNED_CMK.")
	}
	return e, nil
}

// startEncryption has every record that arrives after the answer encrypted with a new data key. Where none can be made
// nothing changes.
func (p *Plane) startEncryption(ctx context.Context, in *firehose.StartDeliveryStreamEncryptionInput, c call) (output, error) {
	asked, err := newEncryption(in.DeliveryStreamEncryptionConfigurationInput)
	if err != nil {
		return output{}, err
	}
	if err := p.changeEncryption(ctx, *in.DeliveryStreamName, c, asked); err != nil {
		return output{}, err
	}
	return output{new(firehose.StartDeliveryStreamEncryptionOutput), schemas.StartDeliveryStreamEncryptionOutput}, nil
}

// stopEncryption has what arrives after the answer stored as it is. What came before stays encrypted until it is delivered.
func (p *Plane) stopEncryption(ctx context.Context, in *firehose.StopDeliveryStreamEncryptionInput, c call) (output, error) {
	if err := p.changeEncryption(ctx, *in.DeliveryStreamName, c, new(encryption)); err != nil {
		return output{}, err
	}
	return output{new(firehose.StopDeliveryStreamEncryptionOutput), schemas.StopDeliveryStreamEncryptionOutput}, nil
}

func (p *Plane) changeEncryption(ctx context.Context, name string, c call, asked *encryption) error {
	if err := c.May(name); err != nil {
		return err
	}
	p.changing.Lock()
	defer p.changing.Unlock()
	return again(func() error { return p.encrypt(ctx, name, asked) })
}

// encrypt changes a stream's encryption. Called with changing held.
func (p *Plane) encrypt(ctx context.Context, name string, asked *encryption) error {
	before, err := p.findActive(name)
	if err != nil {
		return err
	}
	after := *before
	if after.Encryption, err = before.Encryption.next(asked, p.now()); err != nil {
		return err
	}
	if err := p.tryKey(ctx, &after); err != nil {
		return err
	}
	if err := p.replace(ctx, before, &after); err != nil {
		return err
	}
	if s := p.inForce(name); after.Encryption.Type != "" && s != nil && !s.Encrypted {
		restored := *before // the key went away since it was tried
		return errors.Join(p.keyRefusal(name, s.KeyTrouble), p.replace(ctx, &after, &restored))
	}
	p.deps.Log.Info("the encryption of a stream is changed through the API", "stream", name, "key", string(after.Encryption.Type))
	return nil
}

// next is what becomes of a stream's encryption by a call.
func (e *encryption) next(asked *encryption, now time.Time) (*encryption, error) {
	next := *asked
	next.Revision = 0
	if e != nil {
		next.Revision = e.Revision
		next.Calls = slices.DeleteFunc(slices.Clone(e.Calls), func(at time.Time) bool { return now.Sub(at) >= encryptionTime })
	}
	if asked.Type != "" {
		next.Revision++
	}
	if n := len(next.Calls); n >= encryptionCalls {
		return nil, &ingest.Error{
			Code: ingest.LimitExceeded, Limit: encryptionCalls, Size: int64(n),
			Detail: "The limit of 25 calls of StartDeliveryStreamEncryption and StopDeliveryStreamEncryption per 24 hours is exceeded.",
		}
	}
	next.Calls = append(next.Calls, now)
	return &next, nil
}

// tryKey refuses what the node could not encrypt.
func (p *Plane) tryKey(ctx context.Context, r *record) error {
	encrypt, _ := r.Encryption.asked()
	if encrypt == "" {
		return nil
	}
	var missing *buffer.DataKeyError
	if err := p.deps.Node.TryKey(ctx, encrypt); errors.As(err, &missing) {
		return p.keyRefusal(r.Name, missing)
	} else if err != nil {
		return err
	}
	return nil
}

func (p *Plane) keyRefusal(name string, missing *buffer.DataKeyError) error {
	if missing == nil {
		missing = &buffer.DataKeyError{Code: buffer.KeyInvalidState, Reason: "the node does not encrypt the stream"}
	}
	return &ingest.Error{
		Code: ingest.KeyUnavailable, Cause: missing,
		Detail: fmt.Sprintf("stream %q cannot be encrypted (%s): %s; nothing has changed", name, missing.Code, missing.Reason),
	}
}

// describeEncryption tells how far what was asked for is in force; s is nil while the stream is not, and unserved is why what
// is known could not be put in force last. What failed is tried again by the next call.
func describeEncryption(e *encryption, s *Stream, unserved error) *types.DeliveryStreamEncryptionConfiguration {
	encrypt, _ := e.asked()
	if encrypt == "" {
		return describeDisabling(s, unserved)
	}
	d := &types.DeliveryStreamEncryptionConfiguration{
		Status: types.DeliveryStreamEncryptionStatusEnabling, KeyType: e.Type, KeyARN: notEmpty(&e.KeyARN),
	}
	switch {
	case s != nil && s.Encrypted:
		d.Status = types.DeliveryStreamEncryptionStatusEnabled
	case unserved != nil:
		d.Status, d.FailureDescription = types.DeliveryStreamEncryptionStatusEnablingFailed, failure(detailOf(unserved))
	case s != nil && s.KeyTrouble != nil && !s.KeyTrouble.Passing():
		d.Status = types.DeliveryStreamEncryptionStatusEnablingFailed
	}
	if s != nil && s.KeyTrouble != nil {
		d.FailureDescription = keyFailure(s.KeyTrouble)
	}
	return d
}

// describeDisabling is describeEncryption where none is asked for.
func describeDisabling(s *Stream, unserved error) *types.DeliveryStreamEncryptionConfiguration {
	d := &types.DeliveryStreamEncryptionConfiguration{Status: types.DeliveryStreamEncryptionStatusDisabled}
	switch {
	case s == nil || !s.Encrypted:
	case unserved != nil:
		d.Status, d.FailureDescription = types.DeliveryStreamEncryptionStatusDisablingFailed, failure(detailOf(unserved))
	default:
		d.Status = types.DeliveryStreamEncryptionStatusDisabling
	}
	return d
}

// keyFailures are AWS's types of failure for what may be wrong with a key.
var keyFailures = map[string]types.DeliveryStreamFailureType{
	buffer.KeyNotFound:     types.DeliveryStreamFailureTypeKmsKeyNotFound,
	buffer.KeyDenied:       types.DeliveryStreamFailureTypeKmsAccessDenied,
	buffer.KeyDisabled:     types.DeliveryStreamFailureTypeDisabledKmsKey,
	buffer.KeyInvalidState: types.DeliveryStreamFailureTypeInvalidKmsKey,
}

func keyFailure(missing *buffer.DataKeyError) *types.FailureDescription {
	f := failure(missing.Error())
	if known, ok := keyFailures[missing.Code]; ok {
		f.Type = known
	}
	return f
}
