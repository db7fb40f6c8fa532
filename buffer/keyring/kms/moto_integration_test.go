//go:build integration

package kms

import (
	"bytes"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/kms"

	"hydrant/buffer"
	"hydrant/delivery/deliverytest"
)

// A KMS wraps and opens, keeps wrapped keys apart by their ids, and refuses a key that it does not have.
func TestKMS(t *testing.T) {
	k := New(Config{Region: "us-east-1", Endpoint: deliverytest.StartMoto(t)})
	isolate(t)
	client, err := k.connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	made, err := client.CreateKey(t.Context(), &sdk.CreateKeyInput{})
	if err != nil {
		t.Fatal(err)
	}
	m := k.Master(*made.KeyMetadata.Arn)
	secret, wrapped, err := m.New(t.Context(), 7)
	if err != nil || len(secret) != buffer.SecretSize || bytes.Contains(wrapped, secret) {
		t.Fatalf("a secret of %d bytes, %v", len(secret), err)
	}
	opened, _, err := m.Open(t.Context(), 7, wrapped)
	if err != nil || !bytes.Equal(opened, secret) {
		t.Errorf("opened: %v", err)
	}
	_, _, err = m.Open(t.Context(), 8, wrapped)
	wantCode(t, "as another key", err, buffer.KeyInvalidState)

	_, _, err = k.Master("arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000").New(t.Context(), 1)
	wantCode(t, "unknown", err, buffer.KeyNotFound)
}
