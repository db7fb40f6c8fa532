package directory

import (
	"testing"

	"hydrant/delivery"
	"hydrant/delivery/deliverytest"
)

// Where a file system knows no second names, files are moved, under the same promises.
func TestDirectoryByMoving(t *testing.T) {
	deliverytest.Run(t, func(t *testing.T) delivery.Destination {
		d := open(t, newRoot(t))
		d.publish = move
		return d
	})
}
