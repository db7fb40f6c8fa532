package delivery

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

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
	err = log.Serve(ctx, func(ctx context.Context, in buffer.Lane) (failed error) {
		defer func() {
			if failed != nil { // Serve tells nothing of what ends with its context
				t.Error(failed)
			}
			cancel()
		}()
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

// readerWorld is a lane with a block for each batch, and a service that may read three of them ahead.
func readerWorld(t *testing.T, batches int, serve func(s *Service, r *reader) error) {
	t.Helper()
	definition := stream.Stream{
		Name: "s", Prefix: "all/", Destination: stream.Destination{Directory: &stream.Directory{Path: "/nowhere"}},
	}.WithDefaults()
	log, id := new(memlog.Log).Open(), buffer.NewStreamID()
	if _, err := log.Define(t.Context(), buffer.Definition{Stream: id, Name: "s", Logic: 1, Data: definition.Encode()}); err != nil {
		t.Fatal(err)
	}
	for range batches {
		if _, err := log.Append(t.Context(), buffer.Batch{Stream: id, Records: [][]byte{{'a'}, {'b'}, {'c'}, {'d'}, {'e'}, {'f'}, {'g'}}}); err != nil {
			t.Fatal(err)
		}
	}
	service := New(Config{}, Deps{})
	service.ahead = make(chan struct{}, 3)
	ctx, cancel := context.WithCancel(t.Context())
	err := log.Serve(ctx, func(ctx context.Context, in buffer.Lane) error {
		r := service.readAhead(ctx, in, 0, &keying{})
		if err := serve(service, r); err != nil {
			t.Error(err) // Serve tells nothing of what ends with its context
		}
		cancel()
		r.wait()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if used, _ := service.Memory(); used != 0 || len(service.ahead) != 0 {
		t.Errorf("%d bytes and room for %d blocks are held at the end", used, len(service.ahead))
	}
}

// A lane that takes nothing, because its destination is away, keeps no room from the others, and goes on where it was.
func TestLaneThatTakesNothingGivesRoomBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		readerWorld(t, 20, func(s *Service, r *reader) error {
			last := buffer.Seq(0)
			take := func() error {
				next := <-r.ready
				if next.block == nil || next.block.First != last+1 {
					return fmt.Errorf("behind %d comes %+v", last, next)
				}
				last = next.last()
				r.giveBack(next)
				return nil
			}
			for last < 20*7 {
				if err := take(); err != nil {
					return err
				}
				synctest.Wait()
				if last == 7 && len(s.ahead) != cap(s.ahead) {
					return fmt.Errorf("room for %d blocks is used of %d", len(s.ahead), cap(s.ahead))
				}
				time.Sleep(2 * aheadPatience)
				if len(s.ahead) != 0 {
					return fmt.Errorf("a lane that takes nothing keeps room for %d blocks", len(s.ahead))
				}
			}
			return nil
		})
	})
}

// What a block's outputs take counts as memory: where records are small it is more than the block.
func TestOutputsMadeAheadCountAsMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // a pause of the machine's does not have what was read ahead given up
		readerWorld(t, 4, func(s *Service, r *reader) error {
			held, outputs := int64(0), 0
			var items []item
			for range 4 {
				next := <-r.ready
				items = append(items, next)
				held += int64(next.block.RawLen) + int64(len(next.outputs))*int64(unsafe.Sizeof(partitioner.Output{}))
				outputs += len(next.outputs)
			}
			if used, _ := s.Memory(); outputs == 0 || used < held {
				t.Errorf("%d bytes are counted, %d outputs and their blocks take %d", used, outputs, held)
			}
			for _, i := range items {
				r.giveBack(i)
			}
			return nil
		})
	})
}

// A version that is not simple is compiled once, and not for each block.
func TestVersionsThatAreNotSimpleAreCompiledOnce(t *testing.T) {
	definition := stream.Stream{
		Name: "s", Prefix: "k=!{partitionKeyFromQuery:k}/", PartitionKeys: map[string]string{"k": ".k | ascii_downcase"},
		Destination: stream.Destination{Directory: &stream.Directory{Path: "/nowhere"}},
	}.WithDefaults()
	k, v := &keying{}, &buffer.Version{Number: 7, Logic: partitioner.Logic, Data: definition.Encode()}
	if k.take(v) != nil {
		t.Fatal("a query was taken for simple")
	}
	if allocations := testing.AllocsPerRun(10, func() { k.take(v) }); allocations > 0 {
		t.Errorf("the next block of the version takes %v allocations", allocations)
	}
}
