package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestLogger(t *testing.T) {
	tests := map[Log]string{ // to the end of the line that is written
		{Level: "info", Format: "text"}:  `level=INFO msg=said number=1`,
		{Level: "error", Format: "text"}: "",
		{Level: "debug", Format: "json"}: `"level":"INFO","msg":"said","number":1}`,
	}
	for log, want := range tests {
		var out bytes.Buffer
		log.Logger(&out).Info("said", "number", 1)
		if got := strings.TrimSuffix(out.String(), "\n"); !strings.HasSuffix(got, want) || want == "" && got != "" {
			t.Errorf("%+v: got %q, want %q at its end", log, got, want)
		}
	}
}
