package main

import (
	"reflect"
	"strconv"

	"github.com/goccy/go-yaml/ast"
)

// list puts a YAML list into a slice. Its elements' paths end with their number, from 0.
func (d *decoder) list(node ast.Node, into reflect.Value, path string) {
	sequence, ok := node.(*ast.SequenceNode)
	if !ok {
		d.faultAt(d.place(node), path, "want a list, found %s", kindOf(node))
		return
	}
	into.Set(reflect.MakeSlice(into.Type(), len(sequence.Values), len(sequence.Values)))
	for i, element := range sequence.Values {
		elementPath := join(path, strconv.Itoa(i))
		d.places[elementPath] = d.place(element)
		d.decode(element, into.Index(i), elementPath)
	}
}
