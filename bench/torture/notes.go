package torture

import (
	"fmt"
	"sync"

	"hydrant/bench"
)

// mostProblems are kept in words; the rest is counted.
const mostProblems = 50

// notes are what is found while a run goes on. All methods may be called from many goroutines at once.
type notes struct {
	mu       sync.Mutex
	problems []string
	more     int // problems that are not kept
	rot      Rot
}

// problem notes something that must not be.
func (n *notes) problem(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.problems) == mostProblems {
		n.more++
		return
	}
	n.problems = append(n.problems, fmt.Sprintf(format, args...))
}

// count is how many problems there are.
func (n *notes) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.problems) + n.more
}

// Rot is what became of nodes whose files were damaged after they had been synced, in records.
type Rot struct {
	Nodes       int   `json:"nodes"`
	Acked       int64 `json:"acked_records"`
	Lost        int64 `json:"lost_records"`        // acknowledged, and not in the store
	Quarantined int64 `json:"quarantined_records"` // as the nodes tell
	Doubled     int64 `json:"doubled_records"`     // the change of state that said that they are delivered was lost
}

// damage notes the verdict on a node whose file was damaged.
func (n *notes) damage(path string, v *bench.Verdict, quarantined int64) {
	lost := v.Faults[bench.Lost]
	if silent := lost - quarantined; silent > 0 {
		n.problem("%d records were lost in silence after damage of %s: %d are gone, %d were told", silent, path, lost, quarantined)
	}
	for kind, records := range v.Faults {
		if kind != bench.Lost && kind != bench.Doubled && (kind != bench.Unproven || v.Acked > quarantined) {
			n.problem("%d records are %s after damage of %s", records, kind, path)
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.rot.Nodes++
	n.rot.Acked += v.Acked
	n.rot.Lost += lost
	n.rot.Quarantined += quarantined
	n.rot.Doubled += v.Faults[bench.Doubled]
}
