// Package replay sends the records of delivered objects to a running node again: what the error output kept, after the
// definition was mended, or a time range of data objects, into another stream.
//
// It is a client of the node's HTTP API, and imports nothing else of ours: it knows the objects by what they look like from
// outside. It stands under delivery because what delivery writes is what it reads.
//
// That running it twice stores once rests on a mark for each original, kept beside the originals or in a file of the
// user's. The mark says which records are still to be sent and which batch is being sent:
//
//	write the mark with the batch that comes next -> send the batch under its key -> acknowledged: the mark goes on
//
// A batch's key is a function of the original and of the records' numbers in it, so what a killed replay has sent is
// sent by the next one under the same key, and the node stores it once, as long as it remembers keys (see Window). The
// next mark carries both the progress and the next intent: one write for each batch.
package replay
