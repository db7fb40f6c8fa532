package badgerlog

import (
	"fmt"
	"log/slog"
	"runtime/debug"

	"hydrant/buffer"
)

var discardLog = slog.New(slog.DiscardHandler)

// guarded runs fn, which reads through Badger. Badger maps its files: a disk that fails to read, or a file that was cut
// under the map, is a fault of memory there, and a damaged length may reach beyond a slice. Both are damage here.
func guarded(fn func() error) (err error) {
	before := debug.SetPanicOnFault(true)
	defer debug.SetPanicOnFault(before)
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("%w: %w: %v", errFault, buffer.ErrDamaged, fault)
		}
	}()
	return fn()
}
