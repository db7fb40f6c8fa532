// Package delivery turns the buffer's records into objects at a destination, each record exactly once.
//
// One run function serves one lane (lane.go): it reads blocks, lets the partitioner choose each record's partition, fills one
// open object per partition, seals objects by size, age, memory or drain, writes a manifest before the first byte leaves, and
// tells the buffer how far everything is settled.
//
//	read      -> take    -> seal    -> upload    -> settle
//	reader.go    take.go    seal.go    upload.go    commit.go
//
// What holds at every moment:
//   - Membership is decided before anything can be seen of it: a manifest names its object's key, range, count and checksum,
//     and is durable before the upload begins. After a crash the object is made again from the log (recover.go, waves.go), and
//     is the same one, because the partitioner is a pure function.
//   - An object is created under a key that none has, or is found there as its manifest says.
//   - The cursor stands below every record whose outputs are not all settled. Which these are is the ledger's to know: pure
//     logic, without clock, disk or network (ledger.go).
//   - The books balance: what is counted as delivered, dropped, lost or discarded is committed with the cursor (totals.go).
//   - The memory of open, sealed and read-ahead bytes is bounded for all lanes together; past it objects go to scratch or are
//     sealed early (spill.go, scratch.go), and a lane at its bound stops reading: the backlog waits in the log.
//
// Where a stream keeps a backup or has a function, its records go more than one way. Each is a track, with a reader, a ledger,
// objects and totals of its own (track.go, function.go).
package delivery
