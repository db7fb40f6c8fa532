package main

import (
	"strings"
	"testing"

	"hydrant/buffer"
	"hydrant/buffer/badgerlog"
)

func TestInspectNamesDamage(t *testing.T) {
	report := &badgerlog.Report{
		Damage: []badgerlog.DamageReport{
			{Groups: true, Damage: buffer.Damage{From: 3, To: 4, Reason: "groups are lost", Generation: 7}},
			{Stream: "clicks", StreamID: buffer.StreamID{1}, New: true, Damage: buffer.Damage{From: 10, To: 19, Records: 8, Reason: "rot", Generation: 7}},
		},
		Repaired: []string{"generation 7"},
	}
	lines, err := inspectLines(report, false)
	if err != nil {
		t.Fatal(err)
	}
	var text, json strings.Builder
	for _, l := range lines {
		if err := (&inspectCommand{}).print(&text, l); err != nil {
			t.Fatal(err)
		}
		if err := (&inspectCommand{JSON: true}).print(&json, l); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{
		"DAMAGE: groups 3 to 4 (generation 7): groups are lost",
		"DAMAGE: stream clicks (01000000000000000000000000000000): 8 records of 10 to 19 are lost (generation 7): rot",
		"damaged, and read all the same: generation 7",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the text lacks %q:\n%s", want, text.String())
		}
	}
	want := `{"type":"damage","item":{"stream":"clicks","stream_id":"01000000000000000000000000000000","new":true,"from":10,"to":19,"records":8,"reason":"rot","generation":7}}`
	if !strings.Contains(json.String(), want) {
		t.Errorf("the JSON lacks %s:\n%s", want, json.String())
	}
}
