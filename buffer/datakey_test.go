package buffer

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"testing"
)

// oneKey is a DataKeys of one key, which it has under any id.
type oneKey struct{ *DataKey }

func (k oneKey) Key(DataKeyID) (*DataKey, error) { return k.DataKey, nil }

func testKey(t testing.TB, id DataKeyID, fill byte) *DataKey {
	t.Helper()
	k, err := NewDataKey(id, bytes.Repeat([]byte{fill}, SecretSize))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// The vectors of the specification, https://c2sp.org/XAES-256-GCM.
func TestXAESVectors(t *testing.T) {
	for _, x := range []struct {
		fill byte
		aad  string
		want string
	}{
		{1, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
		{3, "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"},
	} {
		k := testKey(t, 1, x.fill)
		nonce := []byte("ABCDEFGHIJKLMNOPQRSTUVWX")
		aead, err := k.forNonce(nonce)
		if err != nil {
			t.Fatal(err)
		}
		sealed := aead.Seal(nil, nonce[12:], []byte("XAES-256-GCM"), []byte(x.aad))
		if got := hex.EncodeToString(sealed); got != x.want {
			t.Errorf("key of %d: %s, want %s", x.fill, got, x.want)
		}
		plain, err := k.open(nil, append(nonce, sealed...), []byte(x.aad))
		if err != nil || string(plain) != "XAES-256-GCM" {
			t.Errorf("opened: %q, %v", plain, err)
		}
	}
}

// sealedBlock holds one record of each kind: one that compresses and one that is too small to.
func sealedBlock(t testing.TB, key *DataKey, record []byte) []byte {
	t.Helper()
	var w Builder
	w.Add(record, 1000)
	w.Add(record, 1001)
	return w.EncodeSealed(LaneID{Stream: StreamID{1, 2, 3}, Number: 4}, 7, key)
}

func TestSealedBlockRoundTrip(t *testing.T) {
	key := testKey(t, 9, 1)
	var b Block
	for _, record := range [][]byte{{}, []byte("secret"), bytes.Repeat([]byte("secret "), 10_000)} {
		data := sealedBlock(t, key, record)
		if bytes.Contains(data, []byte("secret")) {
			t.Error("the block holds plain text")
		}
		if again := sealedBlock(t, key, record); bytes.Equal(data[HeaderSize:], again[HeaderSize:]) {
			t.Error("the same records are encrypted to the same bytes")
		}
		if err := b.Decode(data, oneKey{key}); err != nil {
			t.Fatal(err)
		}
		if b.Key != 9 || b.First != 7 || b.Count != 2 || b.Lane.Number != 4 {
			t.Errorf("header %+v", b.Header)
		}
		for r := range b.Records() {
			if !bytes.Equal(r.Data, record) {
				t.Errorf("record %d is %.40q", r.Seq, r.Data)
			}
		}
	}
}

// A damaged block is damaged with and without its key; a whole one with another key, with none, or changed by somebody who
// mended the checksum is not, and is not read either.
func TestSealedBlockIsBoundToItsKeyAndHeader(t *testing.T) {
	key := testKey(t, 9, 1)
	data := sealedBlock(t, key, []byte("secret"))
	for i := range data {
		flipped := bytes.Clone(data)
		flipped[i] ^= 1
		if err := new(Block).Decode(flipped, oneKey{key}); !errors.Is(err, ErrDamaged) {
			t.Fatalf("byte %d: %v", i, err)
		}
	}
	var missing *DataKeyError
	if err := new(Block).Decode(data, oneKey{testKey(t, 9, 2)}); !errors.As(err, &missing) || errors.Is(err, ErrDamaged) {
		t.Errorf("another key: %v", err)
	}
	if err := new(Block).Decode(data, nil); !errors.As(err, &missing) || missing.ID != 9 {
		t.Errorf("no keys: %v", err)
	}
	if h, err := ParseHeader(data); err != nil || h.Key != 9 {
		t.Errorf("the header without the key: %+v, %v", h, err)
	}
	placed := func(i int) bool { return i >= 32 && i < 40 || i >= 44 && i < 52 || i >= 60 && i < 64 }
	for i := range data {
		if placed(i) {
			continue
		}
		forged := bytes.Clone(data)
		forged[i] ^= 1
		binary.LittleEndian.PutUint32(forged[60:], checksum(forged))
		if err := new(Block).Decode(forged, oneKey{key}); err == nil {
			t.Fatalf("byte %d can be forged", i)
		}
	}
}

func TestDataKeysHaveTheirSize(t *testing.T) {
	if _, err := NewDataKey(1, make([]byte, 16)); err == nil {
		t.Error("a key of 16 bytes was taken")
	}
}

// Whatever the bytes of a block that opens, decoding returns: what is encrypted may come from a program with a fault.
func FuzzSealedBlockDecode(f *testing.F) {
	key := testKey(f, 1, 1)
	f.Add([]byte{1, 0, 'x'}, byte(codecNone), uint32(1), uint32(3))
	f.Add([]byte{}, byte(codecS2), uint32(1), uint32(1<<31))
	f.Fuzz(func(t *testing.T, payload []byte, codec byte, count, raw uint32) {
		w := Builder{block: append(make([]byte, HeaderSize), payload...), count: int(count)}
		block := w.seal(payload, codec, LaneID{}, key)
		binary.LittleEndian.PutUint32(block[52:], raw)
		resealed := key.seal(append(make([]byte, 0, len(block)), block[:HeaderSize]...), payload, bound(block))
		Place(resealed, LaneID{}, 1, 1)
		var b Block
		err := b.Decode(resealed, oneKey{key})
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatalf("the error does not say damage: %v", err)
			}
			return
		}
		n := 0
		for range b.Records() {
			n++
		}
		if n != b.Count {
			t.Fatalf("%d records, the header says %d", n, b.Count)
		}
	})
}

func BenchmarkPack(b *testing.B) {
	record := bytes.Repeat([]byte(`{"id":12345,"name":"somebody","city":"Somewhere"}`), 20)
	var w Builder
	for w.Len() < 256<<10 {
		w.Add(record, 1)
	}
	for _, key := range []*DataKey{nil, testKey(b, 1, 1)} {
		for _, compress := range []bool{false, true} {
			b.Run(fmt.Sprintf("encrypted=%v/compressed=%v", key != nil, compress), func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(w.Len()))
				for b.Loop() {
					w.Pack(compress, LaneID{}, key)
				}
			})
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	key := testKey(b, 1, 1)
	var w Builder
	for i := 0; w.Len() < 256<<10; i++ {
		w.Add(fmt.Appendf(nil, `{"id":%d,"name":"somebody","city":"Somewhere"}`, i*i), 1)
	}
	for _, k := range []*DataKey{nil, key} {
		data := w.EncodeSealed(LaneID{}, 1, k)
		b.Run(fmt.Sprintf("encrypted=%v", k != nil), func(b *testing.B) {
			var block Block
			b.ReportAllocs()
			b.SetBytes(int64(w.Len()))
			for b.Loop() {
				if err := block.Decode(data, oneKey{key}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
