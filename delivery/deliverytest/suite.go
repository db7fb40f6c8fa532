// Package deliverytest holds what every destination must do, in executable form, and a destination in memory with
// faults that a test can set.
package deliverytest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"hydrant/delivery"
)

// Run holds a destination to delivery.Destination's promises. open is called for each case and returns a destination
// without objects.
func Run(t *testing.T, open func(t *testing.T) delivery.Destination) {
	for _, tt := range []struct {
		name string
		run  func(*testing.T, delivery.Destination)
	}{
		{"an object is read back as it was created", testReadBack},
		{"a missing object does not exist", testMissing},
		{"an existing object is untouched", testExisting},
		{"an empty object is an object", testEmpty},
		{"a large object is whole", testLarge},
		{"encoded bytes are not decoded", testEncoded},
		{"odd keys are kept apart", testOddKeys},
		{"many keys are created at once", testManyKeys},
		{"one of many racers wins", testRacers},
		{"no part of an object is visible", testNoPartIsVisible},
		{"a cancelled creation creates nothing", testCancelled},
		{"a creation cancelled on its way leaves all or nothing", testCancelledOnItsWay},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, open(t)) })
	}
}

func testReadBack(t *testing.T, d delivery.Destination) {
	o := object("logs/2026/11/22/05/part", []byte("first "), nil, []byte("second"), []byte(" third"))
	mustCreate(t, d, o)
	expect(t, d, o)
}

func testMissing(t *testing.T, d delivery.Destination) {
	mustCreate(t, d, object("there/object", []byte("x")))
	for _, key := range []string{"nowhere", "there", "there/object2", "there/objec", "a/b/c/d"} {
		expectMissing(t, d, key)
	}
}

func testExisting(t *testing.T, d delivery.Destination) {
	first := object("key", []byte("first"))
	mustCreate(t, d, first)
	for _, body := range []string{"second", "first", ""} {
		if err := d.Create(t.Context(), object("key", []byte(body))); !errors.Is(err, delivery.ErrExists) {
			t.Errorf("Create over an object = %v, want ErrExists", err)
		}
		expect(t, d, first)
	}
}

func testEmpty(t *testing.T, d delivery.Destination) {
	for key, body := range map[string]delivery.Body{"no piece": nil, "empty pieces": {{}, nil}} {
		o := object(key, body...)
		mustCreate(t, d, o)
		expect(t, d, o)
		if err := d.Create(t.Context(), o); !errors.Is(err, delivery.ErrExists) {
			t.Errorf("Create over an empty object = %v, want ErrExists", err)
		}
	}
}

func testLarge(t *testing.T, d delivery.Destination) {
	o := object("large", noise(1, 20<<20)...)
	before := checksum(o)
	mustCreate(t, d, o)
	if checksum(o) != before {
		t.Error("Create changed the pieces of the body")
	}
	expect(t, d, o)
}

func testEncoded(t *testing.T, d delivery.Destination) {
	for _, encoding := range []string{"gzip", "zstd", "snappy-java", "hadoop-snappy", "zip"} {
		o := object("encoded/"+encoding, []byte("\x1f\x8b\b\x00\x00\x00\x00\x00\x00\xff\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
		o.ContentEncoding = encoding
		mustCreate(t, d, o)
		expect(t, d, o)
	}
}

func testOddKeys(t *testing.T, d delivery.Destination) {
	segment := strings.Repeat("s", 255)
	keys := []string{
		"with space/ leading/trailing ",
		"dt=2026-11-22/hour=05/customer=a=b",
		"percent/100%", "percent/%2F", "percent/%252F", "percent/%00", "percent/+", "percent/ ",
		"marks/!\"#$&'()*,:;<>?@[\\]^`{|}~",
		"unicode/äöü/日本語/🙂",
		"unicode/e\u0301", "unicode/\u00e9",
		"case/a", "case/A",
		"dots/.hidden", "dots/..hidden", "dots/...", "dots/end.", "dots/.tmp/x",
		"-dash", "~tilde",
		"segment/" + segment,
		"deep/" + strings.Repeat("d/", 200) + "x",
		strings.Repeat(segment+"/", 3) + segment[:254] + "/k", // 1,024 bytes
	}
	for i, key := range keys {
		mustCreate(t, d, object(key, fmt.Append(nil, "body of key ", i)))
	}
	for i, key := range keys {
		expect(t, d, object(key, fmt.Append(nil, "body of key ", i)))
	}
}

func testManyKeys(t *testing.T, d delivery.Destination) {
	var objects []*delivery.Object
	for n := range 200 {
		objects = append(objects, object(fmt.Sprintf("many/%d/%d/%d", n%3, n%7, n), fmt.Append(nil, "body of ", n)))
	}
	var creators sync.WaitGroup
	for _, o := range objects {
		creators.Go(func() {
			if err := d.Create(t.Context(), o); err != nil {
				t.Errorf("Create %s beside others: %v", o.Key, err)
			}
		})
	}
	creators.Wait()
	for _, o := range objects {
		expect(t, d, o)
	}
}

func testRacers(t *testing.T, d delivery.Destination) {
	const racers = 16
	for round := range 5 {
		key := fmt.Sprintf("race/%d", round)
		errs := make([]error, racers)
		start := make(chan struct{})
		var running sync.WaitGroup
		for n := range racers {
			o := object(key, noise(uint64(n), 100_000+n)...)
			running.Go(func() {
				<-start
				errs[n] = d.Create(t.Context(), o)
			})
		}
		close(start)
		running.Wait()

		winner := slices.Index(errs, nil)
		if winner < 0 {
			t.Fatalf("round %d: no racer created the object: %v", round, errs)
		}
		for n, err := range errs {
			if n != winner && !errors.Is(err, delivery.ErrExists) {
				t.Errorf("round %d: racer %d got %v beside winner %d, want ErrExists", round, n, err, winner)
			}
		}
		expect(t, d, object(key, noise(uint64(winner), 100_000+winner)...))
	}
}

func testNoPartIsVisible(t *testing.T, d delivery.Destination) {
	for round := range 3 {
		o := object(fmt.Sprintf("whole/%d", round), noise(uint64(round), 4<<20)...)
		created := make(chan struct{})
		var looking, watchers sync.WaitGroup
		looking.Add(2)
		for range 2 {
			watchers.Go(func() {
				watch(t, d, o, created, looking.Done)
			})
		}
		looking.Wait()
		err := d.Create(t.Context(), o)
		close(created)
		watchers.Wait()
		if err != nil {
			t.Fatalf("Create %s: %v", o.Key, err)
		}
	}
}

// watch looks at the object until it is created: it must be whole or absent, and never go from whole to absent.
func watch(t *testing.T, d delivery.Destination, o *delivery.Object, created <-chan struct{}, looked func()) {
	var seen bool
	for last := false; !last; {
		select {
		case <-created:
			last = true
		default:
		}
		err := compare(t.Context(), d, o)
		switch {
		case err == nil:
			seen = true
		case errors.Is(err, delivery.ErrNotExist) && !seen && !last:
		default:
			t.Errorf("read during Create: %v; want the object or, before it was there, ErrNotExist", err)
			last = true
		}
		looked()
		looked = func() {}
	}
}

func testCancelled(t *testing.T, d delivery.Destination) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, size := range []int{0, 10, 3 << 20} {
		o := object(fmt.Sprintf("cancelled/%d", size), noise(3, size)...)
		err := d.Create(ctx, o)
		var trouble *delivery.Error
		if !errors.As(err, &trouble) || !errors.Is(err, context.Canceled) {
			t.Fatalf("Create with a cancelled context = %v, want a *delivery.Error that wraps context.Canceled", err)
		}
		if trouble.Op != "create" || trouble.Key != o.Key || trouble.Class != delivery.Transient || !trouble.Refused {
			t.Errorf("Create with a cancelled context = %+v, want transient and refused with operation and key", trouble)
		}
		expectMissing(t, d, o.Key)
	}
}

func testCancelledOnItsWay(t *testing.T, d delivery.Destination) {
	for round := range 4 {
		o := object(fmt.Sprintf("on its way/%d", round), noise(uint64(round), 4<<20)...)
		ctx, cancel := context.WithCancel(t.Context())
		answer := make(chan error, 1)
		go func() { answer <- d.Create(ctx, o) }()
		for range round * 5 { // let it come further each time
			_, _ = d.Stat(t.Context(), o.Key)
		}
		cancel()
		err := <-answer
		found := compare(t.Context(), d, o)
		if found != nil && (err == nil || !errors.Is(found, delivery.ErrNotExist)) {
			t.Errorf("Create = %v, then read: %v; want the object or, if Create failed, ErrNotExist", err, found)
		}
	}
}

func object(key string, body ...[]byte) *delivery.Object {
	return &delivery.Object{
		Key:  key,
		Body: body,
		Metadata: delivery.Metadata{
			Stream: "clicks", Sequence: "00/17-4711", Records: int64(len(body)),
			Checksum: fmt.Sprintf("xxh64:%016x", len(key)),
		},
	}
}

// noise is a body of n bytes, the same for the same seed. Its pieces are different parts of one random block, so a
// large body costs little memory, and none can be missing, cut or misplaced unseen.
func noise(seed uint64, n int) [][]byte {
	r := rand.New(rand.NewPCG(seed, seed))
	block := make([]byte, 64<<10)
	for at := 0; at < len(block); at += 8 {
		binary.LittleEndian.PutUint64(block[at:], r.Uint64())
	}
	var pieces [][]byte
	for n > 0 {
		start := r.IntN(len(block) / 2)
		piece := block[start : start+min(n, 1+r.IntN(len(block)/2))]
		pieces = append(pieces, piece)
		n -= len(piece)
	}
	return pieces
}

func checksum(o *delivery.Object) (sum uint32) {
	for _, piece := range o.Body {
		sum = crc32.Update(sum, crc32.IEEETable, piece)
	}
	return sum
}

func mustCreate(t *testing.T, d delivery.Destination, o *delivery.Object) {
	t.Helper()
	if err := d.Create(t.Context(), o); err != nil {
		t.Fatalf("Create %q: %v", o.Key, err)
	}
}

// expect checks that the object is there as it was created.
func expect(t *testing.T, d delivery.Destination, want *delivery.Object) {
	t.Helper()
	if err := compare(t.Context(), d, want); err != nil {
		t.Errorf("read %q: %v", want.Key, err)
	}
	metadata, err := d.Stat(t.Context(), want.Key)
	if err != nil {
		t.Fatalf("Stat %q: %v", want.Key, err)
	}
	if metadata != want.Metadata && metadata != (delivery.Metadata{}) {
		t.Errorf("Stat %q = %+v, want %+v or nothing", want.Key, metadata, want.Metadata)
	}
}

func expectMissing(t *testing.T, d delivery.Destination, key string) {
	t.Helper()
	if _, err := d.Stat(t.Context(), key); !errors.Is(err, delivery.ErrNotExist) {
		t.Errorf("Stat %q = %v, want ErrNotExist", key, err)
	}
	if _, err := d.Open(t.Context(), key); !errors.Is(err, delivery.ErrNotExist) {
		t.Errorf("Open %q = %v, want ErrNotExist", key, err)
	}
}

// compare reads the object and returns nil if its bytes are those of want's body, otherwise Open's error or what
// differs.
func compare(ctx context.Context, d delivery.Destination, want *delivery.Object) (err error) {
	r, err := d.Open(ctx, want.Key)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()

	var at int
	buffer := make([]byte, 64<<10)
	for _, piece := range want.Body {
		for chunk := range slices.Chunk(piece, len(buffer)) {
			n, err := io.ReadFull(r, buffer[:len(chunk)])
			if !bytes.Equal(buffer[:n], chunk) {
				return fmt.Errorf("after %d bytes %d others were read (%v), want %d that are equal", at, n, err, len(chunk))
			}
			at += n
		}
	}
	if n, err := r.Read(buffer); n > 0 || err != io.EOF {
		return fmt.Errorf("after all %d bytes, %d more were read and error %v, want the end", at, n, err)
	}
	return nil
}
