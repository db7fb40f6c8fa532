package child

import (
	"fmt"
	"net"
	"sync"
	"syscall"
)

// attributes give a child a process group of its own, so that Ctrl-C reaches the suite alone, which then ends its children;
// should the suite be killed, the kernel does.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// held are the sockets of hold.
var held sync.Map

// hold takes a port for this process, against others that choose one too, until it ends: a name beside the file system
// stands for it, which the kernel gives to one process at a time and takes back from one that is gone.
func hold(port int) error {
	socket, err := net.Listen("unix", fmt.Sprintf("@hydrant-port-%d", port))
	if err == nil {
		held.Store(port, socket)
	}
	return err
}
