package delivery_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"hydrant/buffer"
	"hydrant/delivery/transform"
	"hydrant/stream"
)

// The places of a machine's objects: the stream's, which may be corrected to another one, and the backup's.
const (
	firstPlace  = "/first"
	secondPlace = "/second"
	backupPlace = "/backup"
)

// errorOutput begins the keys of objects that hold what was one partition too many, or what the function failed for.
const errorOutput = "errors/"

// between stands between the pieces of a record that is taken apart.
const between = "#"

// drawDefinition is the stream under a version: where the machine is rich each may have processing, a function and a backup, or
// none of them.
func (w *machine) drawDefinition(t *rapid.T) stream.Stream {
	s := stream.Stream{
		Name: "s", Prefix: fmt.Sprintf("v%d/!{partitionKeyFromQuery:key}/", w.version), PartitionKeys: map[string]string{"key": ".key"},
		ErrorPrefix: errorOutput + "!{firehose:error-output-type}/",
		Destination: stream.Destination{Directory: &stream.Directory{Path: w.place}},
	}
	s.Compression = "none"
	s.Buffering.Interval = stream.Duration(time.Second)
	if s.Partitions.Max = w.most; w.most > 0 {
		s.Partitions.Exceeded = stream.ExceededError
	}
	if w.rich {
		w.enrich(t, &s)
	}
	return s.WithDefaults()
}

func (w *machine) enrich(t *rapid.T, s *stream.Stream) {
	s.Buffering.Size = stream.Size(rapid.SampledFrom([]int{0, 1, 60, 150}).Draw(t, "size"))
	if rapid.Bool().Draw(t, "by time") {
		s.Prefix += "!{timestamp:HH-mm}/"
	}
	if rapid.Bool().Draw(t, "apart") {
		s.Processing.Deaggregation = &stream.Deaggregation{Type: stream.DeaggregationDelimited, Delimiter: between}
	}
	if rapid.Bool().Draw(t, "backup") {
		s.Backup = &stream.Backup{Prefix: "b/", Compression: "none", Destination: stream.Destination{Directory: &stream.Directory{Path: backupPlace}}}
		s.Backup.Buffering = stream.Buffering{Size: s.Buffering.Size, Interval: s.Buffering.Interval}
	}
	if rapid.Bool().Draw(t, "function") {
		s.Transform = &stream.Transform{HTTP: &stream.HTTPFunction{URL: "http://function/"}}
		s.Transform.Concurrency = rapid.IntRange(1, 3).Draw(t, "concurrency")
		s.Transform.Buffering.Size = stream.Size(rapid.SampledFrom([]int{1, 50, 90, 1000}).Draw(t, "batch"))
		s.Transform.Buffering.Interval = new(stream.Duration(rapid.IntRange(0, 2).Draw(t, "seconds")) * stream.Duration(time.Second))
	}
}

// define puts another version in force.
func (w *machine) define(t *rapid.T) {
	w.version++
	s := w.drawDefinition(t)
	d := buffer.Definition{Stream: machineStream, Name: "s", Logic: 2, Data: s.Encode(), Derives: s.Transform != nil}
	if _, err := w.log.Define(context.Background(), d); err != nil {
		t.Fatal(err)
	}
	w.current.Store(&s)
}

// correct has the stream's objects go to the other store, under the same version. Where an upload may yet be late nobody can
// know that its object will not be there.
func (w *machine) correct() {
	w.awaitLate()
	place := firstPlace
	if w.stores[w.place] == w.stores[firstPlace] {
		place = secondPlace
	}
	for w.left[place] {
		place += "+"
	}
	w.moveTo(place)
}

// rename has the store of the stream's objects be reached at another address, and no more where it was.
func (w *machine) rename() {
	w.awaitLate()
	place := w.place + "+"
	w.mu.Lock()
	w.stores[place] = w.stores[w.place]
	w.left[w.place] = true
	w.mu.Unlock()
	w.moveTo(place)
}

func (w *machine) moveTo(place string) {
	w.place = place
	s := *w.current.Load()
	s.Destination = stream.Destination{Directory: &stream.Directory{Path: place}}
	w.current.Store(&s)
}

// awaitLate waits until everything that is late is stored.
func (w *machine) awaitLate() {
	time.Sleep(tardiness)
	synctest.Wait()
}

// sent is a record that was acknowledged.
type sent struct {
	text   string   // as it came in
	pieces []string // that become outputs: the lines of its objects
	prefix []string // of each piece
	backup bool     // it goes there too
	lost   bool     // damaged
}

// drawRecords are records of a few pieces, one for each key. Under a definition that does not take records apart it has one.
func (w *machine) drawRecords(t *rapid.T, keys string) (records []*sent) {
	s := w.current.Load()
	apart := s.Processing.Deaggregation != nil
	for len(keys) > 0 {
		n := 1
		if apart {
			n = min(rapid.IntRange(0, 4).Draw(t, "pieces"), len(keys))
		}
		r := &sent{backup: s.Backup != nil}
		for _, k := range keys[:n] {
			w.pieces++
			r.pieces = append(r.pieces, fmt.Sprintf(`{"key":"%c","n":%d}`, k, w.pieces))
			r.prefix = append(r.prefix, fmt.Sprintf("v%d/%c/", w.version, k))
		}
		r.text = strings.Join(r.pieces, between)
		if n == 0 {
			w.pieces++
			r.text = strings.Repeat(between, w.pieces) // a text that no other record has
		}
		records, keys = append(records, r), keys[max(n, 1):]
	}
	return records
}

// machineFunction is a function that decides otherwise at each call, by what was drawn. It notes what it may have dropped.
type machineFunction struct {
	mu      sync.Mutex
	calls   int
	decide  []int // how the next calls decide
	dropped map[string]bool
}

// tag begins what the function adds to a record.
const tag = `,"call":`

// Invoke implements transform.Invoker.
func (f *machineFunction) Invoke(ctx context.Context, request []byte) ([]byte, error) {
	f.mu.Lock()
	f.calls++
	call, decision := f.calls, 0
	if len(f.decide) > 0 {
		decision, f.decide = f.decide[0], f.decide[1:]
	}
	f.mu.Unlock()
	switch decision {
	case 1:
		time.Sleep(1500 * time.Millisecond) // of the bubble
	case 2:
		return nil, &transform.Error{Class: transform.Unavailable, Code: transform.Unreachable, Err: errors.New("away")}
	}
	n := 0
	return each(func(data string) functionRecord {
		n++
		switch {
		case decision == 3 && n%2 == 0:
			f.mu.Lock()
			defer f.mu.Unlock()
			f.dropped[data] = true
			return functionRecord{Result: "Dropped"}
		case decision == 4 && n%2 == 0:
			return functionRecord{Result: "ProcessingFailed"}
		}
		return functionRecord{Result: "Ok", Data: fmt.Appendf(nil, "%s%s%d}", strings.TrimSuffix(data, "}"), tag, call)}
	})(ctx, request)
}

// prepare says how the next calls decide.
func (f *machineFunction) prepare(decisions []int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.decide = decisions
}

// mayDrop reports whether the function has ever dropped a piece.
func (f *machineFunction) mayDrop(piece string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dropped[piece]
}

// pieceOf is the piece that a line of an object was.
func pieceOf(line string) string {
	if piece, _, tagged := strings.Cut(line, tag); tagged {
		return piece + "}"
	}
	return line
}

// rawOf is the record that a line of the error output holds.
func rawOf(t *rapid.T, line string) string {
	var failed struct {
		RawData []byte `json:"rawData"`
	}
	if err := json.Unmarshal([]byte(line), &failed); err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSpace(failed.RawData))
}
