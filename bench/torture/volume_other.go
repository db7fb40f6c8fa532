//go:build !linux

package torture

import "errors"

// volume is made on Linux only.
type volume struct{ dir string }

var errNoVolume = errors.ErrUnsupported

func newVolume(string) (*volume, error) { return nil, errNoVolume }
func (*volume) mount() error            { return errNoVolume }
func (*volume) unmount() error          { return errNoVolume }
func (*volume) close() error            { return nil }
func (*volume) cutPower() error         { return errNoVolume }
func (*volume) free() (int64, error)    { return 0, errNoVolume }
func tryVolume(string) string           { return "it needs Linux" }
func allocate(string, int64) error      { return errNoVolume }
