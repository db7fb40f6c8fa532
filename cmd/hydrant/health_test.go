package main

import (
	"strings"
	"testing"
	"time"
)

// A store that is away makes records old on every node of a fleet at once: none may leave its service for that. A node that
// delivers nothing and cannot say why leaves it.
func TestOldRecordsWithAReasonLeaveANodeInService(t *testing.T) {
	late := []lateStream{
		{"clicks", time.Hour, patience, "the store does not answer"},
		{"orders", time.Hour, patience, ""},
	}
	for _, test := range []struct {
		known          bool
		named, missing string
	}{
		{true, "clicks", "orders"},
		{false, "orders", "clicks"},
	} {
		err := tellLate(late, test.known)
		if err == nil || !strings.Contains(err.Error(), test.named) || strings.Contains(err.Error(), test.missing) {
			t.Errorf("with a reason: %v: got %v, want %s alone", test.known, err, test.named)
		}
	}
	if err := tellLate(late[:1], false); err != nil {
		t.Errorf("out of service although the reason is known: %v", err)
	}
}
