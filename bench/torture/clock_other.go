//go:build !linux || !amd64

package torture

import (
	"errors"
	"time"
)

type clock struct{}

func bendClock(int) (*clock, error) { return nil, errors.New(noClocks()) }

func (*clock) jump(time.Duration) error { return nil }
func (*clock) close() error             { return nil }

func noClocks() string { return "it needs Linux on amd64" }
