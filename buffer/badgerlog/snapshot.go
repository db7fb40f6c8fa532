package badgerlog

// snapshotLimit bounds what each generation repeats.
const snapshotLimit = 1 << 20

// snapshot is the state without which nothing else in a generation can be used: definitions, cursors and heads. Every
// generation repeats it, so that the loss of an older one costs no more than what lay there.
func (l *Log) snapshot(own []change) []change {
	touched := keysOf(own)
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

// liveState is the state that only carry holds and the group's own changes do not touch: it has to be written anew
// before carry can go.
func (l *Log) liveState(carry *generation, own []change) []change {
	touched := keysOf(own)
	l.mu.Lock()
	defer l.mu.Unlock()
	var live []change
	for key, s := range l.state.all() {
		if s.generation == carry && !touched[key] {
			live = append(live, change{stateKey: key, value: s.value})
		}
	}
	return live
}

func keysOf(changes []change) map[stateKey]bool {
	keys := make(map[stateKey]bool, len(changes))
	for i := range changes {
		keys[changes[i].stateKey] = true
	}
	return keys
}
