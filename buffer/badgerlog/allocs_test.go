package badgerlog

import (
	"testing"

	"hydrant/buffer"
)

// A record costs no memory of its own, and a group little beyond what Badger takes to store it: the group itself, with what
// closes for those who wait; the block's bytes, its place in the index and the lane's head, which are kept.
func TestAGroupAllocatesLittle(t *testing.T) {
	stored := func(*generation) error { return nil }
	l, err := Open(Config{Dir: t.TempDir(), MaxDisk: MinDisk, sync: stored})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	id := buffer.NewStreamID()
	if _, err := l.Define(t.Context(), buffer.Definition{Stream: id, Name: "s", Logic: 1}); err != nil {
		t.Fatal(err)
	}
	l.mu.Lock()
	for l.supply.making { // what makes the next generation allocates too
		l.supply.made.Wait()
	}
	l.mu.Unlock()
	batch := buffer.Batch{Stream: id, Records: [][]byte{randomBlock(500)}}
	got := testing.AllocsPerRun(500, func() {
		if _, err := l.Append(t.Context(), batch); err != nil {
			t.Error(err)
		}
	})

	g := newGeneration(t, minCapacity)
	var number uint64
	record, block := randomBlock(150), randomBlock(600)
	values := make([]value, 3)
	keys := make([]byte, 0, 2*groupKeySize+blockKeySize)
	badgers := testing.AllocsPerRun(500, func() {
		number++
		first := appendGroupKey(keys, firstCopy, number)
		second := appendBlockKey(first, buffer.LaneID{}, buffer.Seq(number), 1)
		third := appendGroupKey(second, secondCopy, number)
		values[0] = value{key: first, data: record}
		values[1] = value{key: second[len(first):], data: block}
		values[2] = value{key: third[len(second):], data: record}
		if err := g.write(values, stored); err != nil {
			t.Error(err)
		}
	})
	if got > badgers+9 {
		t.Errorf("a group of one record allocates %v objects, of which Badger %v", got, badgers)
	}
}
