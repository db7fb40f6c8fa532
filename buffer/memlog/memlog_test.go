package memlog_test

import (
	"testing"

	"hydrant/buffer"
	"hydrant/buffer/buffertest"
	"hydrant/buffer/memlog"
)

type engine struct{ log memlog.Log }

func (e *engine) Open(*testing.T) buffer.Log { return e.log.Open() }
func (e *engine) Crash(*testing.T)           {}

func (e *engine) Damage(_ *testing.T, stream buffer.StreamID, from, to buffer.Seq) {
	e.log.Damage(stream, from, to)
}

func TestContract(t *testing.T) {
	buffertest.Run(t, func(*testing.T) buffertest.Engine { return new(engine) })
}
