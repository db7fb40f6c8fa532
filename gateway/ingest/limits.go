package ingest

import (
	"fmt"

	"hydrant/buffer"
)

// Limits bound what one request, and all requests together, may take. Sizes are in bytes; zero means the default.
type Limits struct {
	Body         int64 // of one request as sent; 8 MiB
	Decompressed int64 // of one request once decompressed; 32 MiB
	Record       int64 // of one record; 1,000 KiB, as Firehose has it
	Records      int64 // in one request; 10,000
	InFlight     int64 // of all requests being served, reserved before a body is read; 256 MiB
}

// largestBody keeps a mistyped limit from becoming an allocation that ends the process.
const largestBody = 1 << 30

func (l Limits) withDefaults() (Limits, error) {
	for _, f := range []struct {
		name           string
		value          *int64
		otherwise, max int64
	}{
		{"body", &l.Body, 8 << 20, largestBody},
		{"decompressed", &l.Decompressed, 32 << 20, largestBody},
		{"record", &l.Record, 1000 << 10, buffer.MaxRecord},
		{"records", &l.Records, 10_000, 1_000_000},
		{"in_flight", &l.InFlight, 256 << 20, 1 << 50},
	} {
		if *f.value == 0 {
			*f.value = f.otherwise
		}
		if *f.value < 1 || *f.value > f.max {
			return Limits{}, fmt.Errorf("limits.%s is %d; it must be 1 to %d", f.name, *f.value, f.max)
		}
	}
	if l.InFlight < l.Body {
		return Limits{}, fmt.Errorf("limits.in_flight is %d, below limits.body, %d: a body of that size could never be served; "+
			"raise in_flight or lower body", l.InFlight, l.Body)
	}
	return l, nil
}
