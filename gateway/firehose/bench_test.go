package firehose

import (
	"fmt"
	"strings"
	"testing"
)

func TestScanDoesNotAllocate(t *testing.T) {
	body := batch(maxRecords, strings.Repeat("x", 128))
	records, scratch := make([][]byte, 0, maxRecords), room(body)
	if got := testing.AllocsPerRun(100, func() { scan(putRecordBatch, records, scratch, body) }); got != 0 {
		t.Errorf("got %v allocations, want 0", got)
	}
}

// MB/s are of decoded bytes.
func BenchmarkDecode(b *testing.B) {
	for _, size := range []int{128, 1024} {
		body := batch(maxRecords, strings.Repeat("x", size))
		records, scratch := make([][]byte, 0, maxRecords), room(body)
		b.Run(fmt.Sprintf("scan/%d", size), func(b *testing.B) {
			b.SetBytes(int64(maxRecords * size))
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := scan(putRecordBatch, records, scratch, body); !ok {
					b.Fatal("not scanned")
				}
			}
		})
		b.Run(fmt.Sprintf("parse/%d", size), func(b *testing.B) {
			b.SetBytes(int64(maxRecords * size))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := parse(putRecordBatch, records, scratch, body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
