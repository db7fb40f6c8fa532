// Package gateway is Hydrant's HTTP server for producers: it routes a request to its protocol, bounds what it may cost,
// and stops without losing an answer.
//
//	connection -> room -> request's head -> route -> protocol          -> ingest -> buffer
//	conn.go       room.go framing.go        handle.go native, firehose    ingest
//
// What holds for every request:
//   - What the head alone can tell (framing, credentials, stream, announced size, memory in use) is judged before the body is
//     read. A refusal costs nothing and says when to come again.
//   - Records are views into the body where it was read. They are good until the answer is written, and nobody keeps them.
//   - A success is answered only after the buffer's sync.
//   - Shutdown answers every request that was begun, and refuses the others with a status that clients repeat.
package gateway
