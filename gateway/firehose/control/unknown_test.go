package control

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
)

// A member that no input has is found wherever it is, and named with what could be meant. Maps have any key, and what is of
// a wrong type is not looked into.
func TestUnknownMembers(t *testing.T) {
	for body, want := range map[string]string{
		`{"DeliveryStreamName":"s","Tags":[{"Key":"k","Value":"v"}],"ExtendedS3DestinationConfiguration":` + strings.Replace(everything, "BACKUP", "S3BackupConfiguration", 1) + `}`: "",
		`{"DeliveryStreamname":"s"}`:                                "DeliveryStreamname",
		`{"ExtendedS3DestinationConfiguration":{"BufferHints":{}}}`: "ExtendedS3DestinationConfiguration.BufferHints",
		`{"ExtendedS3DestinationConfiguration":{"ProcessingConfiguration":{"Processors":[{"Type":"Lambda"},{"Kind":"Lambda"}]}}}`: "ExtendedS3DestinationConfiguration.ProcessingConfiguration.Processors[1].Kind",
		`{"ExtendedS3DestinationConfiguration":{"DataFormatConversionConfiguration":{"InputFormatConfiguration":{"Deserializer":` +
			`{"OpenXJsonSerDe":{"ColumnToJsonKeyMappings":{"any":"key"}}}}}}}`: "",
		`{"ExtendedS3DestinationConfiguration":[{"BufferHints":{}}],"Tags":{"Keys":1}}`: "",
	} {
		in := map[string]any{}
		if err := json.Unmarshal([]byte(body), &in); err != nil {
			t.Fatal(err)
		}
		got, found := errors.AsType[*UnknownMemberError](CheckMembers("CreateDeliveryStream", in))
		if want == "" {
			if found {
				t.Errorf("%s: got %v", body, got)
			}
			continue
		}
		if !found || got.Path != want || slices.Contains(got.Known, got.Member) || len(got.Known) == 0 {
			t.Errorf("%s: got %+v, want %s", body, got, want)
		}
	}
}
