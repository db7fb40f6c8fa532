package main

import "testing"

// What a node greets with can be called: an address that means all of the machine's cannot.
func TestGreetingNamesAnAddressToCall(t *testing.T) {
	for listens, want := range map[string]string{
		"127.0.0.1:8080": "127.0.0.1:8080", "10.0.0.7:80": "10.0.0.7:80", "[::]:8080": "localhost:8080", "0.0.0.0:8080": "localhost:8080",
	} {
		if got := fromHere(listens); got != want {
			t.Errorf("of %s: %s, want %s", listens, got, want)
		}
	}
}
