//go:build !linux

package suite

import "syscall"

func attributes() *syscall.SysProcAttr { return nil }
