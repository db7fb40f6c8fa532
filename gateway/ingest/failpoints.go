package ingest

import "hydrant/buffer/failpoint"

// The arrows of a request's life.
var (
	requestAdmitted = failpoint.New("gateway: request admitted")
	requestAppended = failpoint.New("gateway: request appended")
)
