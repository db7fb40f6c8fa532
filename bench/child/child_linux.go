package child

import "syscall"

// attributes give a child a process group of its own, so that Ctrl-C reaches the suite alone, which then ends its children;
// should the suite be killed, the kernel does.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
