// Package torture is `hydrant bench torture`: it runs nodes of Hydrant under load, does to them and to their store what
// power, disks, networks and people do, and then compares everything that was acknowledged with what lies in the store.
//
// # What is tried
//
// Each node is a process of this program, with a data directory of its own; where this process may mount file systems,
// that lies on an ext4 of its own in a file. Between the nodes and the store stands a proxy that spoils what passes. The
// store is a small one of this process, unless the options name a real one. Two loads go to each node, one a record a
// request over the Firehose API, one in batches over the native one, and go on while faults come and go, one at a time, in
// an order that the seed decides; moments within a fault depend on the machine too.
//
// Faults that damage what was synced (a bit flipped, a file cut) are done to nodes of their own, whose losses must all be
// told: silent are those that the node does not count as quarantined. Objects too large for one request come from a node of
// their own too: the others' are small.
//
// # What is checked
//
// In the end all nodes deliver what they hold and stop. The verdict is that of package bench on the generator's own
// ledgers, and beyond that:
//
//   - Every object was whole when a lister first saw it, and never changed or vanished afterwards.
//   - The count of records in an object's metadata is what it holds.
//   - On each node the books balance, and nothing is pending.
//   - No upload in parts is left.
//   - Memory, descriptors, goroutines and disk of the nodes do not grow.
//   - Each fault has met what it was meant for, and each node was ready again and took records after it.
//
// Mutants spoil the run on purpose, between proxy and store: each must turn the verdict.
package torture
