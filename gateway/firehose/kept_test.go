package firehose

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"hydrant/buffer"
	"hydrant/gateway/ingest"
)

// noLog is of tests that append nothing.
type noLog struct{}

func (noLog) Append(context.Context, buffer.Batch) (none buffer.Receipt, _ error) { return none, nil }

// What a refused call has left of views ends with its request: they would keep memory that is the pool's, or nobody's.
func TestRefusedCallsKeepNoViews(t *testing.T) {
	const record = `{"Data":"YWJjZA=="}`
	many := strings.Repeat(record+",", 5) + record
	in, err := ingest.New(ingest.Config{}, ingest.Deps{Log: noLog{}, Catalog: new(ingest.Catalog)})
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{
		`{"DeliveryStreamName":"s","Records":[` + many + `]}`,
		`{"DeliveryStreamName":"s","Records":[` + many + `],"Records":[` + record + `]}`,
		`{"DeliveryStreamName":"s","Records":[` + many + `,{"Data":"no base64"}]}`,
		`{"DeliveryStreamName":"s","Records":[` + many + `],"Records":[],"DeliveryStreamName":7}`,
		`{"DeliveryStreamName":"s","Records":[` + many,
	} {
		request := in.Begin(bytes.NewReader([]byte(body)), int64(len(body)))
		backing := make([][]byte, 10)
		request.Records = backing[:0]
		received, err := request.Receive()
		if err != nil {
			t.Fatal(err)
		}
		_, _ = decode(putRecordBatch, request, received)
		request.End()
		for i, view := range backing {
			if view != nil {
				t.Errorf("%s: view %d is kept", body, i)
			}
		}
	}
}
