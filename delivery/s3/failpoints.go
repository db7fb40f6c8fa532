package s3

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/feature/s3/manager"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"

	"hydrant/buffer/failpoint"
)

// The arrows of an upload in parts.
var (
	uploadBegun   = failpoint.New("s3: upload begun")
	partStored    = failpoint.New("s3: part stored")
	uploadEnded   = failpoint.New("s3: upload ended")
	uploadFailed  = failpoint.New("s3: upload failed")
	uploadAborted = failpoint.New("s3: upload aborted")
)

// steps is the client of an upload in parts, which says how far that is.
type steps struct{ manager.UploadAPIClient }

func (s steps) CreateMultipartUpload(ctx context.Context, in *sdk.CreateMultipartUploadInput, o ...func(*sdk.Options)) (*sdk.CreateMultipartUploadOutput, error) {
	defer uploadBegun.Reach()
	return s.UploadAPIClient.CreateMultipartUpload(ctx, in, o...)
}

func (s steps) UploadPart(ctx context.Context, in *sdk.UploadPartInput, o ...func(*sdk.Options)) (*sdk.UploadPartOutput, error) {
	defer partStored.Reach()
	return s.UploadAPIClient.UploadPart(ctx, in, o...)
}

func (s steps) CompleteMultipartUpload(ctx context.Context, in *sdk.CompleteMultipartUploadInput, o ...func(*sdk.Options)) (*sdk.CompleteMultipartUploadOutput, error) {
	defer uploadEnded.Reach()
	return s.UploadAPIClient.CompleteMultipartUpload(ctx, in, o...)
}
