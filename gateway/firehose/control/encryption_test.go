package control

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"hydrant/buffer"
	"hydrant/gateway/ingest"
	"hydrant/stream"
)

const (
	named    = `"DeliveryStreamName":"s"`
	nodeKey  = `{` + named + `,"DeliveryStreamEncryptionConfigurationInput":{"KeyType":"AWS_OWNED_CMK"}}`
	someARN  = "arn:aws:kms:eu-central-1:123456789012:key/k"
	ownerKey = `{` + named + `,"DeliveryStreamEncryptionConfigurationInput":{"KeyType":"CUSTOMER_MANAGED_CMK","KeyARN":"` + someARN + `"}}`
)

func (w *world) wantEncryption(want string) {
	w.t.Helper()
	got, err := json.Marshal(w.described("s")["DeliveryStreamEncryptionConfiguration"])
	if err != nil || string(got) != canonical(w.t, want) {
		w.t.Errorf("described as %s, want %s", got, want)
	}
}

// A stream's encryption is started, given another key, and stopped; each start asks for another data key. It is there after
// a restart.
func TestEncryptionStartsAndStops(t *testing.T) {
	w := newWorld(t)
	w.create("s")
	w.wantEncryption(`{"Status":"DISABLED"}`)
	served := func(encrypt string, revision uint64) {
		t.Helper()
		d, _ := w.node.served("s")
		if d.Encrypt != encrypt || d.EncryptRevision != revision || d.Revision != 1 {
			t.Errorf("served with %q, revision %d of version %d; want %q, %d", d.Encrypt, d.EncryptRevision, d.Revision, encrypt, revision)
		}
	}
	if got := w.good("StartDeliveryStreamEncryption", nodeKey); got != "{}" {
		t.Errorf("the answer is %s", got)
	}
	served(stream.NodeKey, 1)
	w.wantEncryption(`{"KeyType":"AWS_OWNED_CMK","Status":"ENABLED"}`)
	w.good("StartDeliveryStreamEncryption", ownerKey)
	served(someARN, 2)
	w.restart(w.config)
	served(someARN, 2)
	w.wantEncryption(`{"KeyType":"CUSTOMER_MANAGED_CMK","KeyARN":"` + someARN + `","Status":"ENABLED"}`)
	w.good("StartDeliveryStreamEncryption", `{`+named+`}`)
	served(stream.NodeKey, 3)
	w.good("StopDeliveryStreamEncryption", `{`+named+`}`)
	served("", 0)
	w.wantEncryption(`{"Status":"DISABLED"}`)
	w.good("StartDeliveryStreamEncryption", nodeKey)
	served(stream.NodeKey, 4)
	if got := w.described("s")["VersionId"]; got != "1" {
		t.Errorf("the version is %v: encryption is not part of it", got)
	}
	w.good("UpdateDestination", `{`+named+`,"CurrentDeliveryStreamVersionId":"1","DestinationId":"destinationId-000000000001",`+
		`"ExtendedS3DestinationUpdate":{"Prefix":"p/"}}`)
	if d, _ := w.node.served("s"); d.Encrypt != stream.NodeKey || d.EncryptRevision != 4 || d.Revision != 2 {
		t.Errorf("after an update it is served as %+v", d)
	}
}

func TestStreamsAreCreatedEncrypted(t *testing.T) {
	w := newWorld(t)
	body := strings.Replace(creation("s", ""), "{", `{"DeliveryStreamEncryptionConfigurationInput":{"KeyType":"AWS_OWNED_CMK"},`, 1)
	w.node.noKey = &buffer.DataKeyError{Code: buffer.KeyNotFound, Reason: "this node has no master key"}
	w.refused("CreateDeliveryStream", body, ingest.KeyUnavailable, "this node has no master key", "NotFoundException")
	w.refused("DescribeDeliveryStream", `{`+named+`}`, ingest.StreamNotFound)
	w.node.noKey = nil
	w.node.tried = func() { w.node.noKey = &buffer.DataKeyError{Code: buffer.KeyDenied, Reason: "gone since"} }
	w.refused("CreateDeliveryStream", body, ingest.KeyUnavailable)
	w.refused("DescribeDeliveryStream", `{`+named+`}`, ingest.StreamNotFound)
	w.node.noKey, w.node.tried = nil, nil
	w.good("CreateDeliveryStream", body)
	w.wantEncryption(`{"KeyType":"AWS_OWNED_CMK","Status":"ENABLED"}`)
}

// Without a key nothing changes, and what is wrong has AWS's code.
func TestEncryptionNeedsAKey(t *testing.T) {
	w := newWorld(t)
	w.create("s")
	unencrypted := func() {
		t.Helper()
		if d, _ := w.node.served("s"); d.Encrypt != "" {
			t.Error("the stream is served as encrypted")
		}
	}
	w.node.noKey = &buffer.DataKeyError{Code: buffer.KeyDisabled, Reason: "it is disabled"}
	w.refused("StartDeliveryStreamEncryption", ownerKey, ingest.KeyUnavailable, `"s" cannot be encrypted (DisabledException): it is disabled; nothing has changed`)
	unencrypted()
	w.node.noKey = nil
	w.node.tried = func() { w.node.noKey = &buffer.DataKeyError{Code: buffer.KeyUnreachable, Reason: "gone since"} }
	w.refused("StartDeliveryStreamEncryption", ownerKey, ingest.KeyUnavailable, "gone since")
	unencrypted()
	w.node.noKey, w.node.tried = nil, nil

	const arn = `,"DeliveryStreamEncryptionConfigurationInput":`
	w.refused("StartDeliveryStreamEncryption", `{`+named+arn+`{"KeyType":"CUSTOMER_MANAGED_CMK"}}`, ingest.InvalidArgument, "KeyARN is required")
	w.refused("StartDeliveryStreamEncryption", `{`+named+arn+`{"KeyType":"AWS_OWNED_CMK","KeyARN":"`+someARN+`"}}`, ingest.InvalidArgument, "must not be set")
	w.refused("StartDeliveryStreamEncryption", `{`+named+arn+`{"KeyType":"OTHER"}}`, ingest.Validation, "enum value set")
	w.refused("StartDeliveryStreamEncryption", strings.Replace(nodeKey, `"s"`, `"t"`, 1), ingest.StreamNotFound)
	w.refused("StopDeliveryStreamEncryption", `{"DeliveryStreamName":"t"}`, ingest.StreamNotFound)
	unencrypted()
}

// A stop that could be kept and neither put in force nor taken back is told as AWS tells it, and can be called again.
func TestEncryptionThatCannotBeStopped(t *testing.T) {
	w := newWorld(t)
	w.create("s")
	w.good("StartDeliveryStreamEncryption", nodeKey)
	w.node.err = errors.New("the disk is sick")
	w.kept.full = w.kept.changes + 1
	w.refused("StopDeliveryStreamEncryption", `{`+named+`}`, ingest.Internal)
	w.wantEncryption(`{"Status":"DISABLING_FAILED","FailureDescription":{"Type":"UNKNOWN_ERROR","Details":"the disk is sick"}}`)
	w.node.err = nil
	w.kept.full = 0
	w.good("StopDeliveryStreamEncryption", `{`+named+`}`)
	w.wantEncryption(`{"Status":"DISABLED"}`)
}

// What is in force may be less than what was asked for, and what was in force may be lost.
func TestEncryptionIsDescribedAsItIs(t *testing.T) {
	key := &encryption{Type: "AWS_OWNED_CMK"}
	lost := &buffer.DataKeyError{ID: 3, Code: buffer.KeyNotFound, Reason: "lost"}
	away := &buffer.DataKeyError{Code: buffer.KeyUnreachable, Reason: "away"}
	sick := errors.New("the disk is sick")
	for name, x := range map[string]struct {
		asked           *encryption
		stream          *Stream
		unserved        error
		status, failure string
	}{
		"nothing":              {nil, &Stream{}, nil, "DISABLED", ""},
		"nothing is served":    {nil, &Stream{}, sick, "DISABLED", ""},
		"stopped":              {&encryption{}, nil, nil, "DISABLED", ""},
		"being stopped":        {&encryption{}, &Stream{Encrypted: true}, nil, "DISABLING", ""},
		"cannot be stopped":    {&encryption{}, &Stream{Encrypted: true}, sick, "DISABLING_FAILED", "UNKNOWN_ERROR"},
		"not served yet":       {key, nil, nil, "ENABLING", ""},
		"cannot be served":     {key, &Stream{}, sick, "ENABLING_FAILED", "UNKNOWN_ERROR"},
		"not in force":         {key, &Stream{KeyTrouble: away}, nil, "ENABLING", "UNKNOWN_ERROR"},
		"cannot be in force":   {key, &Stream{KeyTrouble: lost}, nil, "ENABLING_FAILED", "KMS_KEY_NOT_FOUND"},
		"in force":             {key, &Stream{Encrypted: true}, nil, "ENABLED", ""},
		"in force, others not": {key, &Stream{Encrypted: true}, sick, "ENABLED", ""},
		"in force and lost":    {key, &Stream{Encrypted: true, KeyTrouble: lost}, nil, "ENABLED", "KMS_KEY_NOT_FOUND"},
	} {
		d := describeEncryption(x.asked, x.stream, x.unserved)
		failure := ""
		if d.FailureDescription != nil {
			failure = string(d.FailureDescription.Type)
		}
		if string(d.Status) != x.status || failure != x.failure {
			t.Errorf("%s: %s, failure %q; want %s, %q", name, d.Status, failure, x.status, x.failure)
		}
	}
}

func TestConfiguredEncryptionIsDescribed(t *testing.T) {
	w := newWorld(t)
	d := stream.Stream{Name: "s", Encrypt: someARN, Destination: stream.Destination{Directory: &stream.Directory{Path: "/objects"}}}
	w.node.configured = []stream.Stream{d.WithDefaults()}
	w.wantEncryption(`{"KeyType":"CUSTOMER_MANAGED_CMK","KeyARN":"` + someARN + `","Status":"ENABLING"}`)
	w.refused("StopDeliveryStreamEncryption", `{`+named+`}`, ingest.InvalidArgument, "configuration file")
}

// 25 calls a day, started and stopped together.
func TestEncryptionCallsAreLimited(t *testing.T) {
	w := newWorld(t)
	w.create("s")
	for i := range encryptionCalls {
		if i%2 == 0 {
			w.good("StartDeliveryStreamEncryption", nodeKey)
		} else {
			w.good("StopDeliveryStreamEncryption", `{`+named+`}`)
		}
		w.now = w.now.Add(time.Minute)
	}
	w.refused("StartDeliveryStreamEncryption", nodeKey, ingest.LimitExceeded, "25 calls")
	w.refused("StopDeliveryStreamEncryption", `{`+named+`}`, ingest.LimitExceeded, "25 calls")
	w.now = w.now.Add(encryptionTime - encryptionCalls*time.Minute)
	w.good("StopDeliveryStreamEncryption", `{`+named+`}`)
	w.refused("StopDeliveryStreamEncryption", `{`+named+`}`, ingest.LimitExceeded)
}
