//go:build !linux

package child

import (
	"fmt"
	"sync"
	"syscall"
)

func attributes() *syscall.SysProcAttr { return nil }

// held are the ports of hold.
var held sync.Map

// hold takes a port for this process. Others may draw the same: this system has no names that end with their process.
func hold(port int) error {
	if _, drawn := held.LoadOrStore(port, true); drawn {
		return fmt.Errorf("port %d was drawn before", port)
	}
	return nil
}
