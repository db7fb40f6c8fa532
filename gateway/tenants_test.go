package gateway

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"hydrant/buffer"
	"hydrant/gateway/ingest"
	"hydrant/gateway/native/recordpb"
)

// forms are the ways that records come in: the request, and the records as they are to be stored.
var forms = []func(t *testing.T, stream string, records []string) (request string, want []string){
	func(_ *testing.T, stream string, records []string) (string, []string) {
		return post(recordsURL(stream), ndjson, strings.Join(records, "\n")), records
	},
	func(t *testing.T, stream string, records []string) (string, []string) {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		if _, err := w.Write([]byte(strings.Join(records, "\n"))); err != nil {
			t.Error(err)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		return post(recordsURL(stream), ndjson, packed.String(), "Content-Encoding: gzip"), records
	},
	func(_ *testing.T, stream string, records []string) (string, []string) {
		want := make([]string, len(records))
		for i, r := range records {
			want[i] = fmt.Sprintf("%q", r)
		}
		return post(recordsURL(stream), "application/json", "["+strings.Join(want, ", ")+"]"), want
	},
	func(t *testing.T, stream string, records []string) (string, []string) {
		batch := new(recordpb.RecordBatch)
		for _, r := range records {
			batch.Records = append(batch.Records, &recordpb.Record{Data: []byte(r)})
		}
		body, err := proto.Marshal(batch)
		if err != nil {
			t.Error(err)
		}
		return post(recordsURL(stream), "application/x-protobuf", string(body)), records
	},
	func(_ *testing.T, stream string, records []string) (string, []string) {
		return post(recordsURL(stream), "application/octet-stream", records[0]), records[:1]
	},
	func(_ *testing.T, stream string, records []string) (string, []string) {
		var data []string
		for _, r := range records {
			data = append(data, fmt.Sprintf(`{"Data":%q}`, base64.StdEncoding.EncodeToString([]byte(r))))
		}
		return call("PutRecordBatch", fmt.Sprintf(`{"DeliveryStreamName":%q,"Records":[%s]}`, stream, strings.Join(data, ","))), records
	},
}

func recordsURL(stream string) string { return "/v1/streams/" + stream + "/records" }

// tenantLog keeps each stream's records, looked at only after others had time to spoil what they are views of.
type tenantLog struct {
	mu     sync.Mutex
	stored map[buffer.StreamID][]string
}

func (l *tenantLog) keep(hold func(context.Context, buffer.Batch) error) func(context.Context, buffer.Batch) error {
	return func(ctx context.Context, b buffer.Batch) error {
		err := hold(ctx, b)
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, r := range b.Records {
			l.stored[b.Stream] = append(l.stored[b.Stream], string(r))
		}
		return err
	}
}

// Eight tenants send at once, in every form, and the memory of each request is overwritten as it is given back: no byte of
// one is ever in a record of another.
func TestTenantsNeverMeet(t *testing.T) {
	const tenants, requests = 8, 60
	kept := tenantLog{stored: map[buffer.StreamID][]string{}}
	var streams []ingest.Stream
	for n := range tenants {
		streams = append(streams, ingest.Stream{ID: buffer.StreamID{byte(n + 1)}, Name: fmt.Sprint("tenant", n), Accepting: true})
	}
	f := startStreams(t, &fakeLog{before: kept.keep(holdViews(t))}, streams)
	want := make([][]string, tenants)
	var sending sync.WaitGroup
	for n := range tenants {
		c := f.dial()
		sending.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(n)))
			for i := range requests {
				var records []string
				for r := range 1 + random.IntN(10) {
					records = append(records, fmt.Sprintf("%d/%d/%d %s", n, i, r, strings.Repeat(string(rune('A'+n)), random.IntN(900))))
				}
				request, stored := forms[random.IntN(len(forms))](t, streams[n].Name, records)
				want[n] = append(want[n], stored...)
				if got := c.do(request); got.StatusCode != 200 {
					t.Errorf("got %d %s", got.StatusCode, got.body)
				}
			}
		})
	}
	sending.Wait()
	for n, s := range streams {
		got := kept.stored[s.ID]
		slices.Sort(got)
		slices.Sort(want[n])
		if !slices.Equal(got, want[n]) {
			t.Errorf("tenant %d has %d records and sent %d, or others", n, len(got), len(want[n]))
		}
	}
}
