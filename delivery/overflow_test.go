package delivery

import (
	"bytes"
	"encoding/json"
	"testing"

	"pgregory.net/rapid"

	"hydrant/buffer"
)

// What was refused is known again after any restart, and forgotten once the cursor has passed it.
func TestOverflowSurvives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var o overflow
		state := map[string][]byte{}
		refused := map[outputID]bool{}
		var keys []string
		next, cursor := buffer.Seq(1), buffer.Seq(0)
		t.Repeat(map[string]func(*rapid.T){
			"decide": func(t *rapid.T) {
				for n := rapid.IntRange(1, 20).Draw(t, "records"); n > 0; n-- {
					for index := range rapid.IntRange(1, 3).Draw(t, "outputs") {
						if rapid.Bool().Draw(t, "refused") {
							refused[outputID{next, index}] = true
							o.refuse(outputID{next, index})
						}
					}
					next++
				}
				for _, e := range o.flush() {
					state[e.Key] = e.Value
					keys = append(keys, e.Key)
				}
			},
			"restart": func(t *rapid.T) {
				o = overflow{}
				for _, key := range keys { // they are in order
					if value := state[key]; value != nil {
						if ok, err := o.restore(key, value); !ok || err != nil {
							t.Fatal(ok, err)
						}
					}
				}
			},
			"pass": func(t *rapid.T) {
				cursor = max(cursor, buffer.Seq(rapid.IntRange(0, int(next-1)).Draw(t, "cursor")))
				for _, key := range o.pass(cursor) {
					delete(state, key)
				}
			},
			"": func(t *rapid.T) {
				for seq := cursor + 1; seq < next; seq++ {
					for index := range 4 {
						id := outputID{seq, index}
						if got := o.refused(id); got != refused[id] {
							t.Fatalf("output %v: refused %v, want %v; the cursor is %d", id, got, refused[id], cursor)
						}
					}
				}
			},
		})
	})
}

// Whatever the state holds, it is taken in as it was written or refused.
func FuzzRestoreOverflow(f *testing.F) {
	f.Add([]byte(`{"first":3,"last":9,"outputs":"AAAGAQ=="}`))
	f.Add([]byte(`{"first":3,"last":3,"outputs":"AAA="}`))
	f.Add([]byte(`{"first":3,"last":2,"outputs":"////////////AQA="}`))
	f.Add([]byte(`{"first":3,"last":2,"outputs":"AAD///////////8BAA=="}`)) // from 3 around all numbers to 2
	f.Fuzz(func(t *testing.T, value []byte) {
		var c overflowChunk
		if json.Unmarshal(value, &c) != nil {
			return
		}
		var o overflow
		if ok, err := o.restore(c.stateKey(), value); !ok || err != nil {
			return
		}
		again := overflow{}
		for _, id := range c.decode() {
			again.refuse(id)
			if !o.refused(id) {
				t.Fatalf("%v is not known as refused", id)
			}
		}
		var made overflowChunk
		if err := json.Unmarshal(again.flush()[0].Value, &made); err != nil || !bytes.Equal(mustJSON(t, made.decode()), mustJSON(t, c.decode())) {
			t.Fatalf("%v became %v (%v)", c.decode(), made.decode(), err)
		}
	})
}

func mustJSON(t *testing.T, ids []outputID) []byte {
	t.Helper()
	var text []uint64
	for _, id := range ids {
		text = append(text, uint64(id.seq), uint64(id.index))
	}
	data, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
