// Package badgerlog is the embedded engine behind buffer.Log: group commit above Badger's value log.
//
// One goroutine, the committer, owns the write path. Appends copy their records into the group that is forming; the
// committer takes the whole group, packs it into blocks, and commits it as one transaction followed by one sync, while
// the next group forms. Groups therefore grow with the load and an idle node has no timer to wait for.
//
//	Append, Define, Commit -> forming group -> assemble -> write, sync -> publish -> answer
//	append.go, submit.go      group.go         assemble.go committer.go  publish.go  submit.go
//
// What holds at every moment:
//   - The order is always: persist, then publish, then answer. Readers see only what was published.
//   - A group is whole or not there. Each names the hash of the one before, so that a missing one is noticed (group_record.go).
//   - A generation, which is one Badger directory, is never written again after a failed write or sync, and never changed
//     once it is sealed (generation.go, seal.go).
//   - The space of the generation that is written to, of the next one and of a reserve is allocated before the first record
//     needs it (supply.go, space.go, reserve.go).
//   - What delivery has settled is dropped a generation at a time, the oldest first, once all live state in it lies in a newer
//     one (reclaim.go); a few live blocks are written anew rather than waited for (rewrite.go).
//   - What is damaged is found at the start or by its reader, written down, told once, and lost from then on, whatever the disk
//     says later (recover.go, chain.go, losses.go, damage.go).
package badgerlog
