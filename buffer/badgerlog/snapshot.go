package badgerlog

// snapshotLimit bounds what each generation repeats.
const snapshotLimit = 1 << 20

// snapshot is the state without which nothing else in a generation can be used: definitions, cursors and heads. Every
// generation repeats it, so that the loss of an older one costs no more than what lay there.
func (l *Log) snapshot(own []change) []change {
	touched := map[stateKey]bool{}
	for i := range own {
		touched[own[i].stateKey] = true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []change
	size := 0
	for key, s := range l.state.all() {
		if key.kind > kindHead || touched[key] {
			continue
		}
		out = append(out, change{stateKey: key, value: s.value})
		if size += len(s.value); size > snapshotLimit {
			return nil
		}
	}
	return out
}
