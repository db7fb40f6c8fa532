// Package failpoint names the arrows of a record's life: the places between two steps at which a process may die with one
// done and the other not. A test watches them to end the process at each; nobody else can, and unwatched a point costs one
// load. They stand where something was or is about to be made durable or visible, never in the path of a single record.
package failpoint

import (
	"slices"
	"sync/atomic"
)

// Point is a place between two steps.
type Point struct{ name string }

var (
	names   []string // filled by package variables, before anything runs
	watcher atomic.Pointer[func(name string)]
)

// New names a point, as what has been done by then. For package variables only.
func New(name string) *Point {
	if slices.Contains(names, name) {
		panic("failpoint: two are called " + name)
	}
	names = append(names, name)
	return &Point{name}
}

// Reach says that the process is at the point.
func (p *Point) Reach() {
	if watch := watcher.Load(); watch != nil {
		(*watch)(p.name)
	}
}

// Names are the points of everything that the program is made of, in order.
func Names() []string { return slices.Sorted(slices.Values(names)) }

// Watch has watch called at every point from now on, by whoever is there. For tests.
func Watch(watch func(name string)) { watcher.Store(&watch) }
