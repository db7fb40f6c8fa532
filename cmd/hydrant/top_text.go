package main

import (
	"cmp"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/dustin/go-humanize"
)

// text is a sample as a person reads it.
func (v *topView) text() string {
	var b strings.Builder
	n := &v.Node
	state := "ready"
	if len(n.Failing) > 0 {
		state = "NOT READY"
	}
	fmt.Fprintf(&b, "hydrant %s  %s  %s  up %v  %s\n", printable(cmp.Or(n.Name, "node")), printable(n.Version), state,
		v.Time.Sub(n.Started).Round(time.Second), v.Time.Local().Format(time.TimeOnly))
	fmt.Fprintf(&b, "disk %s of %s  memory %s (%s of %s used)  sync %.1f ms, slowest %.1f  uploads %d\n", size(n.Disk), size(n.MaxDisk), size(n.Memory),
		size(n.MemoryUsed), size(n.MemoryBudget), 1000*n.Sync, 1000*n.SlowestSync, n.Uploading)
	if n.Damaged > 0 {
		fmt.Fprintf(&b, "! %s of the buffer damaged: the log tells where, and hydrant inspect once the node is stopped\n", counted(int64(n.Damaged), "range"))
	}
	for _, f := range n.Failing {
		for reason := range strings.SplitSeq(f.Reason, "\n") { // one for each stream
			fmt.Fprintf(&b, "! %s: %s\n", printable(f.Name), printable(reason))
		}
	}
	b.WriteByte('\n')
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "STREAM\tSTATE\tIN/S\tIN B/S\tOUT/S\tOUT B/S\tPENDING\tBYTES\tOLDEST\tERRORS\tOBJECTS")
	for i := range v.Streams {
		s := &v.Streams[i]
		fmt.Fprintf(table, "%s\t%s\t%.0f\t%s\t%.0f\t%s\t%d\t%s\t%v\t%d\t%d\n", printable(s.Name), s.State, s.Rates.In, size(int64(s.Rates.InBytes)),
			s.Rates.Out, size(int64(s.Rates.OutBytes)), s.Pending, size(s.PendingBytes), time.Duration(s.Age*float64(time.Second)).Round(time.Second), s.failures(), s.Objects)
	}
	_ = table.Flush() // into memory
	for i := range v.Streams {
		for _, t := range v.Streams[i].Troubles {
			fmt.Fprintf(&b, "! %s: %s\n", printable(v.Streams[i].Name), printable(t.Reason))
		}
	}
	return b.String()
}

func (s *topStream) failures() (n int64) {
	for _, records := range s.Errors {
		n += records
	}
	return n
}

func size(bytes int64) string { return humanize.IBytes(uint64(max(0, bytes))) }

// printable keeps what others wrote from steering the terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '\uFFFD'
	}, text)
}
