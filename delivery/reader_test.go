package delivery

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"hydrant/buffer"
	"hydrant/buffer/memlog"
	"hydrant/partitioner"
	"hydrant/stream"
)

// Blocks that are read several at once come in order, each record once, beside records that come in meanwhile and behind what
// was damaged; what is partitioned beside the lane is what the lane would have made of it. At the end nothing is held.
func TestReadAheadKeepsTheOrder(t *testing.T) {
	const records, more, lost = 700, 300, 20
	definition := stream.Stream{
		Name: "s", Prefix: "k=!{partitionKeyFromQuery:k}/", PartitionKeys: map[string]string{"k": ".k"},
		Destination: stream.Destination{Directory: &stream.Directory{Path: "/nowhere"}},
	}.WithDefaults()
	log, id := new(memlog.Log).Open(), buffer.NewStreamID()
	if _, err := log.Define(t.Context(), buffer.Definition{Stream: id, Name: "s", Logic: 1, Data: definition.Encode()}); err != nil {
		t.Fatal(err)
	}
	add := func(from, to int) {
		for i := from; i < to; i++ {
			record := fmt.Appendf(nil, `{"k":%d,"n":%d}`, i%3+1, i)
			if i%50 == 0 {
				record = []byte("no JSON")
			}
			if _, err := log.Append(t.Context(), buffer.Batch{Stream: id, Records: [][]byte{record}}); err != nil {
				t.Error(err)
			}
		}
	}
	add(0, records)
	log.Damage(id, 101, 100+lost)
	own, err := partitioner.New(definition)
	if err != nil {
		t.Fatal(err)
	}
	service := New(Config{}, Deps{})
	ctx, cancel := context.WithCancel(t.Context())
	keyed := 0
	err = log.Serve(ctx, func(ctx context.Context, in buffer.Lane) error {
		defer cancel()
		r := service.readAhead(ctx, in, 0, &keying{})
		defer r.wait()
		defer cancel()
		var want []partitioner.Output
		for last := buffer.Seq(0); last < records+more; {
			if last == 0 {
				r.done.Go(func() { add(records, records+more) })
			}
			next := <-r.ready
			if next.block == nil {
				if last != 100 || next.damage.To != 100+lost {
					return fmt.Errorf("behind %d comes the damage %+v", last, next.damage)
				}
			} else if next.block.First > last+1 || next.block.Last() <= last {
				return fmt.Errorf("behind %d come %d to %d", last, next.block.First, next.block.Last())
			}
			for i, out := range next.outputs {
				record := recordOf(next.block, i)
				want = own.Process(want[:0], uint64(record.Seq), record.Arrival, record.Data)
				if len(want) != 1 || !bytes.Equal(out.Prefix, want[0].Prefix) || !bytes.Equal(out.Data, want[0].Data) || out.Error != want[0].Error {
					return fmt.Errorf("the output of %q is %+v, want %+v", record.Data, out, want)
				}
				keyed++
			}
			last = next.last()
			r.giveBack(next)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if keyed == 0 {
		t.Error("nothing was read ahead")
	}
	if used, _ := service.Memory(); used != 0 || len(service.ahead) != 0 {
		t.Errorf("%d bytes and room for %d blocks are held at the end", used, len(service.ahead))
	}
}

func recordOf(b *buffer.Block, i int) (record buffer.Record) {
	for record = range b.Records() {
		if i--; i < 0 {
			break
		}
	}
	return record
}
