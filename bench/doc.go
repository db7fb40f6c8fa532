// Package bench is the load generator and the verifier behind `hydrant bench` and `hydrant bench verify`. It is a
// client: it knows Hydrant by its APIs and its objects only, and works as well against anything else that speaks them.
//
// # Records
//
// Run sends records that say who they are. A record is one line of JSON, in this form:
//
//	{"run":"6f1c0a2b3c4d5e6f","producer":12,"n":345,"key":"k07","pad":"tavoke3 ...","sum":"0123456789abcdef"}
//
// A producer is one connection; it counts n from 0 and never uses a number twice, whatever became of the first use. The
// sum is the XXH64 of all that stands before `,"sum":"`, so any change of a record shows. The pad is made of random
// words: it compresses about as well as logs do. With an input `"data":VALUE` stands in its place, a value of the input.
//
// # Ledger
//
// The ledger is an append-only text file that says what became of each record. A line is written after the answer and
// before that producer's next request, so killing the generator loses at most the outcome of requests in flight: such
// records count as unknown.
//
//	run <run> <producers> <batch> <crc>
//	acked|refused|unknown <run> <producer> <from> <to> <crc>
//
// A range is from <= n < to. The crc is the CRC-32C of the line up to the space before it, in 8 hexadecimal digits.
// Acked means that the gateway said so. Refused is a definite no: a 4xx or a 503, or a connection that was never made.
// Anything else (a timeout, a reset, another 5xx) is unknown: the record may appear, once.
//
// # Verdict
//
// Verify reads every object of a destination and compares it with the ledgers:
//
//	lost              acked, and in no object                                         fault
//	doubled           in the objects once more than once                              fault, once for each surplus copy
//	changed           one of our records whose sum is wrong                           fault; it does not count as found
//	refused_found     refused, and in an object all the same                          fault
//	unsent            of a run we know, but the ledger says it was never sent         fault
//	misplaced         no segment <partition>=<key> in its object's key                fault; it counts as found
//	broken            an object that does not decompress or ends within a record      fault; its readable records count
//	unknown_found     of unknown outcome, and in one object                           counted
//	error_output      found in the error output (its rawData is the record)           counted, as found
//	foreign           lines that are not ours, or of a run that no ledger names       counted
//
// A verdict without an acked record or without an object is a fault too: it would prove nothing.
package bench
