package s3

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"

	"hydrant/buffer/failpoint"
	"hydrant/delivery"
	"hydrant/stream"
)

// Environment of a test binary that is to upload in parts, and to die.
const (
	dieAt       = "HYDRANT_TEST_DIE_AT"    // a failpoint
	dieAtNth    = "HYDRANT_TEST_DIE_NTH"   // time that it is reached
	dieEndpoint = "HYDRANT_TEST_DIE_STORE" // where the bucket is
	dieBucket   = "HYDRANT_TEST_DIE_BUCKET"
)

// inThreeParts is what the upload that dies, and the one after it, are to store.
func inThreeParts() *delivery.Object {
	o := example
	o.Body = delivery.Body{bytes.Repeat([]byte("x"), 2*part+100)}
	return &o
}

// uploadAndDie creates an object in parts, and ends as nothing else can at the failpoint. It returns where that was not
// reached so often.
func uploadAndDie(point string) error {
	nth, err := strconv.Atoi(os.Getenv(dieAtNth))
	if err != nil {
		return err
	}
	var reached atomic.Int64
	failpoint.Watch(func(name string) {
		if name == point && reached.Add(1) == int64(nth) {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	})
	d, err := New(context.Background(), stream.S3{Bucket: os.Getenv(dieBucket), Endpoint: os.Getenv(dieEndpoint), PathStyle: true})
	if err != nil {
		return err
	}
	d.singlePut, d.partSize = part, part
	d.partsAtOnce = 1 // nothing else is on its way when it dies: TestPartsThatComeLate is for that
	if err := d.Create(context.Background(), inThreeParts()); err != nil {
		fmt.Println(err) // the test makes the end fail where it wants to see that
	}
	return nil
}
