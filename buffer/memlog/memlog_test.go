package memlog_test

import (
	"sync/atomic"
	"testing"
	"time"

	"hydrant/buffer"
	"hydrant/buffer/buffertest"
	"hydrant/buffer/memlog"
)

type engine struct {
	log  memlog.Log
	age  atomic.Int64 // time is what Advance says
	keys buffertest.DataKeys
}

func (e *engine) DataKeys() *buffertest.DataKeys { return &e.keys }

func (e *engine) Open(*testing.T) buffer.Log {
	e.log.Window = buffertest.Window
	e.log.DataKeys = &e.keys
	e.log.Elapsed = func() time.Duration { return time.Duration(e.age.Load()) }
	return e.log.Open()
}

func (e *engine) Crash(*testing.T)        {}
func (e *engine) Advance(d time.Duration) { e.age.Add(int64(d)) }

func (e *engine) Damage(_ *testing.T, stream buffer.StreamID, from, to buffer.Seq) {
	e.log.Damage(stream, from, to)
}

func TestContract(t *testing.T) {
	buffertest.Run(t, func(*testing.T) buffertest.Engine { return new(engine) })
}
