package main

import "testing"

// A store that is away makes records old on every node of a fleet at once: none may leave its service for that.
func TestOldRecordsLeaveANodeInService(t *testing.T) {
	for _, check := range new(node).checks() {
		if check.Warns != (check.Name == "age") {
			t.Errorf("%s: only warns: %v", check.Name, check.Warns)
		}
	}
}
