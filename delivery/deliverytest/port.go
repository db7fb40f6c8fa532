//go:build integration

package deliverytest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
)

// drawnPorts are the addresses that FreePort has drawn.
var drawnPorts sync.Map

// FreePort finds an address of the loopback that nothing listens on. Its port lies below those that kernels give to
// outgoing connections by themselves, so that none takes it before the server that it is meant for starts, or while that
// is down. No process gets one twice, and each port is drawn, so that processes that run at the same time do not meet.
func FreePort() (address string, err error) {
	const lowest, highest, attempts = 15_000, 32_000, 20
	var errs []error
	for range attempts {
		address = fmt.Sprintf("127.0.0.1:%d", lowest+rand.IntN(highest-lowest))
		if _, given := drawnPorts.LoadOrStore(address, true); given {
			continue
		}
		listener, err := net.Listen("tcp", address)
		if err == nil {
			return address, listener.Close()
		}
		errs = append(errs, err)
	}
	return "", fmt.Errorf("no free port in %d attempts: %w", attempts, errors.Join(errs...))
}
