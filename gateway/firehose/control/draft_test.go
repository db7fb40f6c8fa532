package control

import (
	"fmt"
	"testing"

	"hydrant/gateway/ingest"
)

// A draft is the definition that the call would put in force, is refused as the call would be, and changes nothing.
func TestDraft(t *testing.T) {
	w := newWorld(t)
	w.create("there")
	update := func(version, more string) string {
		return fmt.Sprintf(`{"DeliveryStreamName":"there","CurrentDeliveryStreamVersionId":%q,"DestinationId":%q,"ExtendedS3DestinationUpdate":{%s}}`,
			version, destinationID, more)
	}
	before := fmt.Sprint(w.described("there"))
	d, err := w.Draft(t.Context(), "CreateDeliveryStream", []byte(creation("new", `,"Prefix":"a/"`)), anyone(nil))
	if err != nil || d.Name != "new" || d.Prefix != "a/"+timePrefix {
		t.Errorf("got %+v, %v", d, err)
	}
	if d, err = w.Draft(t.Context(), "UpdateDestination", []byte(update("1", `"Prefix":"b/"`)), anyone(nil)); err != nil || d.Prefix != "b/"+timePrefix {
		t.Errorf("got %+v, %v", d, err)
	}
	for name, c := range map[string]struct {
		operation, body string
		by              ingest.Caller
		want            ingest.Code
	}{
		"a name that is taken":  {"CreateDeliveryStream", creation("there", ""), anyone(nil), ingest.StreamInUse},
		"a prefix that is none": {"CreateDeliveryStream", creation("new", `,"Prefix":"!{x:y}/","ErrorOutputPrefix":"e/"`), anyone(nil), ingest.InvalidArgument},
		"no right to create":    {"CreateDeliveryStream", creation("new", ""), anyone{"other"}, ingest.AccessDenied},
		"another version":       {"UpdateDestination", update("9", `"Prefix":"b/"`), anyone(nil), ingest.VersionConflict},
		"no right to update":    {"UpdateDestination", update("1", `"Prefix":"b/"`), anyone{"other"}, ingest.AccessDenied},
		"another operation":     {"DeleteDeliveryStream", `{"DeliveryStreamName":"there"}`, anyone(nil), ingest.UnknownOperation},
	} {
		if _, err := w.Draft(t.Context(), c.operation, []byte(c.body), c.by); err == nil || ingest.AsError(err).Code != c.want {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
	if after := fmt.Sprint(w.described("there")); after != before {
		t.Errorf("the stream is %s, was %s", after, before)
	}
	w.refused("DescribeDeliveryStream", `{"DeliveryStreamName":"new"}`, ingest.StreamNotFound)
}
