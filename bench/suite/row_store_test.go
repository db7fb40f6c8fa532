package suite

import (
	"strings"
	"testing"
)

func TestWhatANodeHasLeft(t *testing.T) {
	const node = `{"type":"node","item":{"log":"x"}}` + "\n"
	stream := func(accepted, pending string) string {
		return `{"type":"stream","item":{"name":"suite","accepted":` + accepted + `,"pending":` + pending + "}}\n"
	}
	for out, want := range map[string]string{
		node + stream("10", "0"):    "",
		stream("9", "0"):            "took 9 records of 10",
		stream("10", "1"):           "did not deliver 1",
		node:                        "names no stream",
		"":                          "names no stream",
		"records\n":                 "invalid character",
		node + stream(`"ten"`, "0"): "cannot unmarshal",
	} {
		err := checkInspection([]byte(out), 10)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %q", out, err, want)
		}
	}
}
