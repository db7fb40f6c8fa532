package s3

import (
	"maps"
	"net/url"

	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"hydrant/stream"
)

// attributes are what a definition has every object get beside its bytes.
type attributes struct {
	storageClass types.StorageClass
	tagging      *string // as a query; nil for none
	metadata     map[string]string
	encryption   encryption
}

// encryption is how the store encrypts what it keeps. Records and canaries are encrypted like objects: a bucket's policy
// may refuse whatever is not.
type encryption struct {
	algorithm types.ServerSideEncryption
	key       *string // of KMS; nil for its default
}

func newAttributes(definition stream.S3) attributes {
	a := attributes{
		storageClass: types.StorageClass(definition.StorageClass),
		metadata:     definition.Metadata,
		encryption:   encryption{algorithm: types.ServerSideEncryption(definition.SSE)},
	}
	if definition.KMSKey != "" {
		a.encryption.key = &definition.KMSKey
	}
	if len(definition.Tags) > 0 {
		query := url.Values{}
		for key, value := range definition.Tags {
			query.Set(key, value)
		}
		text := query.Encode()
		a.tagging = &text
	}
	return a
}

// apply puts them into a request. Uploads in parts take them from there.
func (a attributes) apply(input *sdk.PutObjectInput) {
	input.StorageClass = a.storageClass
	input.Tagging = a.tagging
	maps.Copy(input.Metadata, a.metadata)
	a.encryption.apply(input)
}

func (e encryption) apply(input *sdk.PutObjectInput) {
	input.ServerSideEncryption = e.algorithm
	input.SSEKMSKeyId = e.key
}
