// Package suite is `hydrant bench suite`: a set of measurements that anybody can repeat, with one command and nothing else
// running. It starts everything it measures as processes of its own: nodes of Hydrant, the floor (an HTTP server that reads
// bodies and does nothing) and a discarding S3 server; and it measures beside them, in its own process, the disk and the
// compressors that they rest on.
//
// # Ratios
//
// A machine's absolute figures say little about a program. So each row of the suite measures two things or more in turn, A B
// A B, and what counts is the ratio within one repeat; of the repeats' ratios the median. The other figures of a side are
// medians of their own.
//
// # What is measured
//
//   - Payload is the records' bytes, without line feeds and envelopes. MB are 10^6 bytes, GB 10^9.
//   - Processor time is user and system time of a whole process, from /proc; the generator's is the suite's own.
//   - Memory is the peak of RssAnon, looked at every 50 ms, with RssFile beside it: mapped files of the buffer.
//   - Disk bytes are write_bytes of /proc/PID/io: what the process made the kernel write.
//   - Allocations are the Go runtime's count, from the node's metrics, less what reading these costs.
//   - The raw disk writes the uncompressed payload into one file, in groups as large as the node's own were on average in
//     that repeat, each followed by fdatasync.
//   - With delivery off a node has no credentials for its store: it has sealed what it may before measuring begins, and then
//     reads and builds nothing.
//
// Whoever answered is checked: a server's own count of records must have moved by what the generator saw acknowledged. What
// should lie in the store is counted there, and in what the node has left.
package suite
