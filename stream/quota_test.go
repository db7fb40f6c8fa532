package stream

import (
	"strings"
	"testing"
)

func TestQuotaFaults(t *testing.T) {
	for _, c := range []struct {
		quota Quota
		want  string // the path of the fault
	}{
		{Quota{}, ""},
		{Quota{Records: 1, Bytes: 1, Requests: 1, Partial: true}, ""},
		{Quota{Bytes: 1, Partial: true}, ""},
		{Quota{Records: -1}, "quota.records"},
		{Quota{Bytes: -1}, "quota.bytes"},
		{Quota{Requests: -1}, "quota.requests"},
		{Quota{Requests: 1, Partial: true}, "quota.partial"},
	} {
		s := Stream{Name: "clicks", Quota: c.quota, Destination: Destination{Directory: &Directory{Path: "objects"}}}.WithDefaults()
		var faults []string
		for _, f := range s.Validate() {
			faults = append(faults, f.Path)
		}
		if got := strings.Join(faults, " "); got != c.want {
			t.Errorf("%+v: got faults %q, want %q", c.quota, got, c.want)
		}
	}
	if a, b := (Stream{Quota: Quota{Records: 1}}), (Stream{}); string(a.Encode()) != string(b.Encode()) {
		t.Error("a quota makes another version of a definition")
	}
}
