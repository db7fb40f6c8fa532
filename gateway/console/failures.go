package console

import (
	"bytes"
	"encoding/json"
	"slices"
	"sync"
	"time"
)

// Failed is a record that went to the error output.
type Failed struct {
	Stream  string    `json:"-"`
	Arrival time.Time `json:"arrival"`
	Code    string    `json:"code"`
	Message string    `json:"message"`
	Data    []byte    `json:"data"` // its first bytes
	Size    int       `json:"size"`
}

// What is kept of failed records: about 1 MB in all.
const (
	failedOfStream = 20
	failedInAll    = 250
	failedBytes    = 4 << 10
)

// failures keeps the last failed records, the latest last. It begins anew with the process.
type failures struct {
	mu  sync.Mutex
	all []Failed
}

// Failed notes a record that cannot be processed, by its line of error output, of which nothing is kept but copies.
func (c *Console) Failed(stream string, line []byte) {
	var told struct {
		ArrivalTimestamp        int64
		ErrorCode, ErrorMessage string
		RawData                 []byte
	}
	if err := json.Unmarshal(line, &told); err != nil {
		told.ErrorMessage, told.RawData = "the line of error output cannot be read", line
	}
	c.failed.add(Failed{
		Stream: stream, Arrival: time.UnixMilli(told.ArrivalTimestamp), Code: told.ErrorCode, Message: told.ErrorMessage,
		Data: bytes.Clone(told.RawData[:min(len(told.RawData), failedBytes)]), Size: len(told.RawData),
	})
}

func (f *failures) add(news Failed) {
	f.mu.Lock()
	defer f.mu.Unlock()
	first, count := -1, 0
	for i, known := range f.all {
		if known.Stream == news.Stream {
			if count++; first < 0 {
				first = i
			}
		}
	}
	switch {
	case count == failedOfStream:
		f.all = slices.Delete(f.all, first, first+1)
	case len(f.all) == failedInAll:
		f.all = slices.Delete(f.all, 0, 1)
	}
	f.all = append(f.all, news)
}

// of are a stream's, the latest first.
func (f *failures) of(stream string) []Failed {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := []Failed{}
	for _, known := range slices.Backward(f.all) {
		if known.Stream == stream {
			all = append(all, known)
		}
	}
	return all
}
