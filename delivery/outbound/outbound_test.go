package outbound_test

import (
	"errors"
	"testing"

	"hydrant/delivery/outbound"
)

// However an address is written, it is looked at as it is called.
func TestGuard(t *testing.T) {
	for address, forbidden := range map[string]bool{
		"169.254.169.254:80":          true,
		"169.254.170.2:80":            true, // containers' credentials
		"[::ffff:169.254.169.254]:80": true,
		"[fe80::1%eth0]:443":          true,
		"[fd00:ec2::254]:80":          true,
		"100.100.100.200:80":          true,
		"224.0.0.1:80":                true,
		"127.0.0.1:9000":              false,
		"[::1]:9000":                  false,
		"10.0.0.1:443":                false,
		"192.168.1.1:443":             false,
		"52.216.0.1:443":              false,
		"[fd00::1]:443":               false,
	} {
		if err := outbound.Guard("tcp", address, nil); errors.Is(err, outbound.ErrForbidden) != forbidden || err != nil && !forbidden {
			t.Errorf("%s: %v", address, err)
		}
	}
	if err := outbound.Guard("tcp", "no address", nil); err == nil {
		t.Error("what is no address is called")
	}
}
