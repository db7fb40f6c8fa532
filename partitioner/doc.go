// Package partitioner decides where each record goes: it evaluates a stream's prefix for it, or, where that cannot be
// done, turns it into a line of error output.
//
// In goes a record with its arrival, under one version of a stream's definition; out come its outputs, none, one or many
// where it is taken apart, each with its partition. That is a pure function of the three: no clock, no load and no number of
// open objects has a say, so that after a crash the same record falls into the same partition. Nothing fails: what
// cannot be processed is an output to the error partition, with its reason and the bytes that came in. Logic is the version of
// all these rules; testdata holds what each version of them gives, byte for byte.
//
// A step that is not pure, such as a function, has its answer stored first, as an Outcome, and that is partitioned.
package partitioner
