package delivery

import "hydrant/buffer/failpoint"

// The arrows of an output's life in delivery, and of a record's through a function.
var (
	blockRead        = failpoint.New("delivery: block read")
	blockPartitioned = failpoint.New("delivery: block partitioned")
	objectsClosed    = failpoint.New("delivery: objects closed")
	objectsSealed    = failpoint.New("delivery: objects sealed")
	objectCreated    = failpoint.New("delivery: object created")
	objectsMarked    = failpoint.New("delivery: objects marked")
	cursorMoved      = failpoint.New("delivery: log's cursor moved")
	objectsRebuilt   = failpoint.New("delivery: sealed objects made again")

	functionAnswered = failpoint.New("function: answered")
	functionDerived  = failpoint.New("function: answer journaled")
)
