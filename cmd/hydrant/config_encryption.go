package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"hydrant/buffer"
	"hydrant/buffer/keyring"
	"hydrant/buffer/keyring/kms"
	"hydrant/stream"
)

// Encryption says what wraps the data keys of encrypted streams. Without a key file and a KMS no stream can be encrypted.
type Encryption struct {
	KeyFile string `yaml:"key_file"` // with the node's own master keys, a line each, in base64 or hexadecimal: the first wraps, all open; hydrant keys master makes one
	KMS     KMS    `yaml:"kms"`
}

// KMS is for streams that name a KMS key.
type KMS struct {
	Region   string `yaml:"region"`   // of the KMS; empty means that there is none
	Endpoint string `yaml:"endpoint"` // URL of a KMS other than AWS's
	Profile  string `yaml:"profile"`  // of the shared AWS files; empty means the default chain
}

func (v *validator) encryption() {
	e := v.Encryption
	if e.KMS.Region == "" && (e.KMS.Endpoint != "" || e.KMS.Profile != "") {
		v.refuse("encryption.kms.region", "the KMS needs a region, such as us-east-1")
	}
	s := stream.Stream{Name: "kms", Destination: stream.Destination{S3: &stream.S3{
		Bucket: "bucket", Region: e.KMS.Region, Endpoint: e.KMS.Endpoint, Profile: e.KMS.Profile,
	}}}
	const path = "destination.s3."
	for _, fault := range s.WithDefaults().Validate() {
		v.refuse("encryption.kms."+fault.Path[len(path):], "%s", fault.Message)
	}
	v.keyFile()
}

// keyFile warns only: a node starts without it, and its encrypted streams wait.
func (v *validator) keyFile() {
	const path = "encryption.key_file"
	if v.Encryption.KeyFile == "" {
		return
	}
	info, err := os.Stat(v.Encryption.KeyFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		v.warn(path, "%s does not exist: streams that are encrypted with the node's key wait until it does; hydrant keys master makes one", v.Encryption.KeyFile)
	case err != nil:
		v.warn(path, "%v", err)
	case info.Mode().Perm()&0o007 != 0:
		v.warn(path, "every user of this machine can read the master keys; chmod 600 %s", v.Encryption.KeyFile)
	}
}

// canEncrypt refuses streams whose master key the configuration does not name. What is no key at all is the stream's own fault.
func (v *validator) canEncrypt(path string, s stream.Stream) {
	switch {
	case s.Encrypt == "":
	case s.Encrypt == stream.NodeKey && v.Encryption.KeyFile == "":
		v.refuse(path, "the node has no master key: name encryption.key_file")
	case strings.HasPrefix(s.Encrypt, "arn:") && v.Encryption.KMS.Region == "":
		v.refuse(path, "no KMS is configured: name encryption.kms.region")
	}
}

// masters finds the master key that a stream names.
func (e Encryption) masters() keyring.Masters {
	service := kms.New(kms.Config{Region: e.KMS.Region, Endpoint: e.KMS.Endpoint, Profile: e.KMS.Profile})
	missing := func(format string, values ...any) (keyring.Master, error) {
		return nil, &buffer.DataKeyError{Code: buffer.KeyNotFound, Reason: fmt.Sprintf(format, values...)}
	}
	return func(name string) (keyring.Master, error) {
		switch {
		case name == stream.NodeKey && e.KeyFile == "":
			return missing("this node has no master key (encryption.key_file)")
		case name == stream.NodeKey:
			return keyring.KeyFile(e.KeyFile), nil
		case e.KMS.Region == "":
			return missing("this node has no KMS for %s (encryption.kms)", name)
		}
		return service.Master(name), nil
	}
}
