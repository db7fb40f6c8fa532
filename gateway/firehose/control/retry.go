package control

import (
	"bytes"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/firehose"
)

// An attempt whose answer is lost may have done its work. What AWS's SDKs send then is known by what it asks for: where a call
// that says it is a retry finds just that, and nothing else, there is nothing left to do, and it is answered as the first
// attempt would have been. A first attempt is never taken so.

// madeAs reports whether a stream is as it was made, by a call that asked for what another is. r may be nil.
func (r *record) madeAs(asked *record) bool {
	if r == nil || r.Version != 1 || r.Leaving != "" {
		return false
	}
	return bytes.Equal(r.asAsked(), asked.asAsked())
}

// asAsked is what a call said, without what each call gets of its own.
func (r *record) asAsked() []byte {
	asked := *r
	asked.Created, asked.Incarnation = time.Time{}, ""
	return asked.encode()
}

// updatedBy reports whether an update was the last one: it names the version before, and would change nothing any more.
func (r *record) updatedBy(in *firehose.UpdateDestinationInput) bool {
	if strconv.FormatUint(r.Version-1, 10) != *in.CurrentDeliveryStreamVersionId || *in.DestinationId != destinationID ||
		checkOne(in, "DestinationUpdate") != nil || checkBuilt("UpdateDestination", in) != nil {
		return false
	}
	after := *r
	after.Destination = changed(r.Destination, in)
	return bytes.Equal(after.encode(), r.encode())
}
