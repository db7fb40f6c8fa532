package main

import (
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"hydrant/gateway"
	"hydrant/stream"
)

// memoryPlan is how a node's memory is divided. What the parts hold together stays within the budget; the process takes
// memoryAllowance more.
type memoryPlan struct {
	InFlight stream.Size // bodies of requests being served
	Groups   stream.Size // records on their way to the disk
	Recent   stream.Size // blocks kept for delivery, which then need not read them from disk
	Uploads  stream.Size // what uploads under way take beside their objects
	Objects  stream.Size // open objects and sealed ones; past it parts of them go to scratch files

	// Connections is how much of Objects open connections may take: while they are open, objects have the rest. Past it
	// connections are refused.
	Connections stream.Size
}

// The fixed parts, and the least of the others.
const (
	groupsMemory     = 16 * stream.MiB // one group forms while another is written, each as records and as blocks
	uploadMemory     = 4 * stream.MiB  // of one upload: the connection's buffers
	uploads          = 4               // at once
	leastRecent      = 4 * stream.MiB
	leastObjects     = 24 * stream.MiB // however many connections are open
	leastShared      = leastObjects + leastConnections
	mostRecent       = 32 * stream.MiB
	mostInFlight     = 256 * stream.MiB // by default
	mostConnections  = 4096             // open at once
	leastConnections = 8 * stream.MiB

	mostByDefault = 384 * stream.MiB // more helps little: objects that do not fit go to scratch files

	// memoryAllowance is what a process takes beside the budget: its code, Badger's tables, and room for the garbage
	// collector to work in.
	memoryAllowance = 96 * stream.MiB

	// streamMemory is what a stream takes beside all that, whether it gets records or not: its lane and the stacks of that.
	streamMemory = 32 * stream.KiB

	// runtimeLag is what of that the runtime's limit leaves out: what it does not count, and how far it falls behind where
	// processors are scarce.
	runtimeLag = 16 * stream.MiB
)

// ownMemory is defaultMemory as the process began. A limit that is moved under a running node is no new setting: a reload
// would be refused for it.
var ownMemory = sync.OnceValue(func() stream.Size { return defaultMemory(os.DirFS("/")) })

// defaultMemory is a quarter of what the machine or the container has, within bounds.
func defaultMemory(root fs.FS) stream.Size {
	return min(max(stream.Size(totalMemory(root)/4), 128*stream.MiB), mostByDefault)
}

// inFlightByDefault leaves room for one request at least.
func (c *Config) inFlightByDefault() stream.Size {
	return max(min(c.Memory/4, mostInFlight), c.Limits.largest())
}

// largest is what one request may hold: its body as sent, and while that is decompressed, what it becomes and the half of
// it that is outgrown. The window of a body in zstd is not among it: where that does not fit, the body is refused for good.
func (l Limits) largest() stream.Size { return l.Body + max(l.Decompressed+l.Decompressed/2, l.Record) }

// memoryPlan divides the budget. It is good where the budget is at least leastMemory.
func (c *Config) memoryPlan() memoryPlan {
	p := memoryPlan{
		InFlight: c.Limits.InFlight,
		Groups:   groupsMemory,
		Recent:   min(max(c.Memory/16, leastRecent), mostRecent),
		Uploads:  uploads * uploadMemory,
	}
	p.Objects = c.Memory - p.InFlight - p.Groups - p.Recent - p.Uploads
	p.Connections = min(p.Objects-leastObjects, mostConnections*c.connectionMemory())
	return p
}

// connectionMemory is what one connection of a producer holds.
func (c *Config) connectionMemory() stream.Size {
	if c.TLS.Certificate != "" {
		return gateway.SecureConnectionMemory
	}
	return gateway.ConnectionMemory
}

// connections is how many may be open at once.
func (c *Config) connections() int { return int(c.memoryPlan().Connections / c.connectionMemory()) }

// leastMemory is the smallest budget that the limits leave room to work in.
func (c *Config) leastMemory() stream.Size {
	rest := c.Limits.InFlight + groupsMemory + uploads*uploadMemory + leastShared
	least := rest + max(leastRecent, rest/15) // the recent blocks take a sixteenth of all
	return (least + stream.MiB - 1) / stream.MiB * stream.MiB
}

// memoryComment tells the division as a comment of YAML.
func (c *Config) memoryComment() string {
	p := c.memoryPlan()
	return fmt.Sprintf("# memory of %s: in_flight %s, groups %s, recent %s, uploads %s, objects %s, less %s for each open connection, %d at most; "+
		"the process takes up to %s more, and %s for each stream\n",
		c.Memory, p.InFlight, p.Groups, p.Recent, p.Uploads, p.Objects, c.connectionMemory(), c.connections(), memoryAllowance, streamMemory)
}

// memoryMetrics shows the budget and what its parts hold now.
func (n *node) memoryMetrics(registry *prometheus.Registry) {
	gauge := func(name, part, help string, value func() int64) {
		options := prometheus.GaugeOpts{Name: name, Help: help}
		if part != "" {
			options.ConstLabels = prometheus.Labels{"part": part}
		}
		registry.MustRegister(prometheus.NewGaugeFunc(options, func() float64 { return float64(value()) }))
	}
	gauge("hydrant_memory_budget_bytes", "", "The configuration's memory: what all parts of hydrant_memory_used_bytes may hold together.",
		func() int64 { return int64(n.cfg.Memory) })
	for part, used := range map[string]func() int64{
		"in_flight":   n.gateway.InFlight,
		"connections": n.connections.Load,
		"groups":      func() int64 { return n.buffer.Usage().Forming },
		"recent":      func() int64 { return n.buffer.Usage().Recent },
		"uploads":     func() int64 { return int64(n.service.Uploading()) * int64(uploadMemory) },
		"objects":     func() int64 { used, _ := n.service.Memory(); return used },
	} {
		gauge("hydrant_memory_used_bytes", part, "Memory held now, by part of the budget.", used)
	}
	gauge("hydrant_scratch_bytes", "", "Parts of objects that lie on disk for want of memory.",
		func() int64 { used, _ := n.scratch.Used(); return used })
	gauge("hydrant_open_objects", "", "Objects, one a partition, that take records now.", n.service.Open)
}

// limitHeap has the runtime keep to the budget, and to what so many streams take beside it. A GOMEMLIMIT that somebody set
// goes before.
func limitHeap(budget stream.Size, streams int) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(int64(budget + memoryAllowance - runtimeLag + stream.Size(streams)*streamMemory))
	}
}
