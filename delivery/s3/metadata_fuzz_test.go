package s3

import (
	"testing"

	"hydrant/delivery"
)

// Metadata come back as they were written, and those of others are never taken for ours.
func FuzzMetadata(f *testing.F) {
	f.Add("clicks", "0/1-9", "9", "xxh64:0")
	f.Add("", "", "-9223372036854775809", "")
	f.Add("a", "b", "+1", "c")
	f.Fuzz(func(t *testing.T, stream, sequence, records, checksum string) {
		m := parseMetadata(map[string]string{
			metadataStream: stream, metadataSequence: sequence, metadataRecords: records, metadataChecksum: checksum,
		})
		if again := parseMetadata(userMetadata(m)); again != m {
			t.Errorf("%+v became %+v", m, again)
		}
		if want := (delivery.Metadata{Stream: stream, Sequence: sequence, Records: m.Records, Checksum: checksum}); m != want {
			t.Errorf("%+v, want %+v", m, want)
		}
	})
}
