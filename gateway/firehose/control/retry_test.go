package control

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// retrying is a caller whose every call is said to be a retry.
type retrying struct{ anyone }

func (retrying) Retries() bool { return true }

// A retry whose first attempt did its work is answered as that, also by another life of the node, and changes nothing. What
// asks for anything else is refused, and so is a first attempt.
func TestRetriesAfterLostAnswers(t *testing.T) {
	w := newWorld(t)
	again := func(operation, body string) string {
		t.Helper()
		answer, err := w.Call(t.Context(), operation, []byte(body), retrying{})
		if err != nil {
			return err.Error()
		}
		return string(answer)
	}
	want := func(got, want string) {
		t.Helper()
		if !strings.Contains(got, want) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	const change = `"Prefix":"a/","ProcessingConfiguration":{"Enabled":false,"Processors":[]}`
	const taken, stale = "already exists", "do not match"
	create := strings.Replace(creation("s", `,"ProcessingConfiguration":{"Enabled":false,"Processors":[]}`), "{", `{"Tags":[{"Key":"a","Value":"b"},{"Key":"c"}],`, 1)
	arn := w.good("CreateDeliveryStream", create)
	for range 2 { // the node that made it, and one that finds it
		w.now = w.now.Add(time.Minute)
		want(again("CreateDeliveryStream", create), arn)
		want(again("CreateDeliveryStream", strings.Replace(create, `"b"`, `"d"`, 1)), taken)
		want(again("CreateDeliveryStream", creation("s", "")), taken)
		if _, err := w.call("CreateDeliveryStream", create); err == nil {
			t.Error("a first attempt is taken for a retry")
		}
		w.restart(w.config)
	}
	w.good("UpdateDestination", fmt.Sprintf(update, "1", change))
	want(again("CreateDeliveryStream", create), taken)
	for range 2 {
		want(again("UpdateDestination", fmt.Sprintf(update, "1", change)), "{}")
		want(again("UpdateDestination", fmt.Sprintf(update, "1", `"Prefix":"b/"`)), stale)
		want(again("UpdateDestination", strings.Replace(fmt.Sprintf(update, "1", change), "ExtendedS3DestinationUpdate", "SplunkDestinationUpdate", 1)), stale)
		if _, err := w.call("UpdateDestination", fmt.Sprintf(update, "1", change)); err == nil {
			t.Error("a first attempt is taken for a retry")
		}
		w.restart(w.config)
	}
	if version := w.described("s")["VersionId"]; version != "2" {
		t.Errorf("got version %v, want 2", version)
	}
	want(again("UpdateDestination", fmt.Sprintf(update, "2", `"Prefix":"b/"`)), "{}") // the first attempt never came
	want(again("UpdateDestination", fmt.Sprintf(update, "1", `"Prefix":"b/"`)), stale)
	if version := w.described("s")["VersionId"]; version != "3" {
		t.Errorf("got version %v, want 3", version)
	}
}
