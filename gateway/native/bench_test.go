package native

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// Splitting does not allocate per record; what is pooled is not counted.
func TestSplittersDoNotAllocate(t *testing.T) {
	for _, c := range []struct {
		name  string
		split splitter
		body  []byte
	}{
		{"ndjson", splitLines, lines(500, 128)},
		{"json", splitJSON, array(500, 128)},
	} {
		records := make([][]byte, 0, 500)
		got := testing.AllocsPerRun(100, func() { _, _, _ = c.split(records[:0], c.body, math.MaxInt64) })
		if got > 2 {
			t.Errorf("%s: got %v allocations for 500 records, want at most 2", c.name, got)
		}
	}
}

func BenchmarkSplit(b *testing.B) {
	for _, size := range []int{128, 1024} {
		b.Run(fmt.Sprintf("ndjson/%d", size), func(b *testing.B) { benchmark(b, splitLines, lines(500, size)) })
		b.Run(fmt.Sprintf("json/%d", size), func(b *testing.B) { benchmark(b, splitJSON, array(500, size)) })
		b.Run(fmt.Sprintf("json-parsed/%d", size), func(b *testing.B) { benchmark(b, parseJSON, array(500, size)) })
		b.Run(fmt.Sprintf("json-one/%d", size), func(b *testing.B) { benchmark(b, splitJSON, []byte(event(1, size))) })
		b.Run(fmt.Sprintf("json-one-parsed/%d", size), func(b *testing.B) { benchmark(b, parseJSON, []byte(event(1, size))) })
	}
}

func benchmark(b *testing.B, split splitter, body []byte) {
	records := make([][]byte, 0, 500)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := split(records, body, math.MaxInt64); err != nil {
			b.Fatal(err)
		}
	}
}

// event is a JSON object of about size bytes.
func event(i, size int) string {
	head := fmt.Sprintf(`{"id":%d,"customer":{"id":"c%d"},"ts":"2024-05-01T12:00:00Z","status":200,"message":"`, i, i%97)
	return head + strings.Repeat("x", max(0, size-len(head)-2)) + `"}`
}

func lines(n, size int) []byte {
	var b strings.Builder
	for i := range n {
		b.WriteString(event(i, size))
		b.WriteByte('\n')
	}
	return []byte(b.String())
}

func array(n, size int) []byte {
	events := make([]string, n)
	for i := range events {
		events[i] = event(i, size)
	}
	return []byte("[" + strings.Join(events, ",") + "]")
}
