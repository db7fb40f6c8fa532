package s3

//lint:file-ignore SA1019 manager is deprecated for transfermanager, which is still v0 and copies every part into buffers of
// its own; all use of it is in this file

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/s3/manager"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"hydrant/delivery"
)

// singlePut is the largest body that one request creates: fewer states to be in than with parts.
const singlePut = 64 << 20

// partSize bounds what one part's failure costs. The manager raises it where there would be more than 10,000.
const partSize = 16 << 20

// partsAtOnce are on their way together.
const partsAtOnce = 2

// createInParts makes the object visible by the end of the upload, which carries the condition. What it sent is removed
// after a failure, and so is what an earlier life of this object's upload has left behind.
func (d *Destination) createInParts(ctx context.Context, o *delivery.Object, input *sdk.PutObjectInput) error {
	// A large body is not sent twice only to learn at its end that it is there.
	if _, err := d.Stat(ctx, o.Key); !errors.Is(err, delivery.ErrNotExist) {
		return found(err)
	}
	swept := d.sweep(ctx, o.Key)
	protect := signBody
	if d.amazon {
		protect = func(*sdk.Options) {}
		input.ChecksumAlgorithm = types.ChecksumAlgorithmCrc32c
	}
	input.ContentLength = nil
	input.Body = &sections{newReader(o.Body)}
	uploader := manager.NewUploader(steps{d.client}, func(u *manager.Uploader) {
		u.PartSize = d.partSize
		u.Concurrency = d.partsAtOnce
		u.LeavePartsOnError = true // its own way to remove them ends with ctx
		u.ClientOptions = []func(*sdk.Options){protect}
	})
	_, err := uploader.Upload(ctx, input)
	var failure manager.MultiUploadFailure
	if errors.As(err, &failure) {
		uploadFailed.Reach()
		d.abort(ctx, o.Key, failure.UploadID())
	}
	if swept && err == nil { // a part that was on its way when that life ended may have come behind the first look
		d.sweep(ctx, o.Key)
	}
	return d.answer("create", o.Key, err)
}

// found is Create's answer after a look that did not find nothing.
func found(err error) error {
	if err == nil {
		return delivery.ErrExists
	}
	var trouble *delivery.Error
	if errors.As(err, &trouble) {
		refusal := *trouble
		refusal.Op, refusal.Refused = "create", true
		return &refusal
	}
	return err
}

// sweep aborts uploads to exactly this key: it names one object of ours, so they are this object's, of a life that was
// killed. Others' uploads are never touched. Without the permission to list them they stay, which costs only space. It
// reports whether there were any.
func (d *Destination) sweep(ctx context.Context, key string) (found bool) {
	output, err := d.client.ListMultipartUploads(ctx, &sdk.ListMultipartUploadsInput{Bucket: &d.bucket, Prefix: &key})
	if err != nil {
		return false
	}
	for _, upload := range output.Uploads {
		if aws.ToString(upload.Key) == key {
			d.abort(ctx, key, aws.ToString(upload.UploadId))
			found = true
		}
	}
	return found
}

// abort removes an upload's parts, also when ctx has ended. If that fails, the next attempt at the key sweeps.
func (d *Destination) abort(ctx context.Context, key, upload string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	_, _ = d.client.AbortMultipartUpload(ctx, &sdk.AbortMultipartUploadInput{Bucket: &d.bucket, Key: &key, UploadId: &upload})
	uploadAborted.Reach()
}

// sections lets the manager read a body's parts beside each other, without copying them into buffers of its own.
type sections struct{ *reader }

func (s *sections) ReadAt(p []byte, offset int64) (int, error) {
	r := newReader(s.body)
	if _, err := r.Seek(offset, io.SeekStart); err != nil {
		return 0, err
	}
	n, err := io.ReadFull(r, p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}
