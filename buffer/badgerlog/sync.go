//go:build !nosync

package badgerlog

// syncGeneration makes everything written to a generation durable. The build tag nosync replaces it: the power-loss
// test proves with such a binary that it would see a missing sync.
var syncGeneration = (*generation).sync
