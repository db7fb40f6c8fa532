package main

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// A decoder puts a YAML document into Go structs and notes every fault with its place, then goes on.
//
// The library's parser does the reading. Its own strict decoding is not used: it stops at the first fault, gives no
// place for a value that an UnmarshalText refuses, and drops all of a mapping in silence if one key is a number.
type decoder struct {
	*report
	anchors map[string]ast.Node
	expand  func(text string) (expanded string, faults []string) // of every scalar
}

// An entry is one key of a mapping with its value.
type entry struct {
	key   string
	path  string
	value ast.Node
}

func newDecoder(r *report) *decoder {
	return &decoder{
		report:  r,
		anchors: map[string]ast.Node{},
		expand:  func(text string) (string, []string) { return text, nil },
	}
}

// parse returns the root of the only document in text, nil if there is nothing in it.
func (d *decoder) parse(text []byte) ast.Node {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		d.syntaxFault(err)
		return nil
	}
	var root ast.Node
	for _, document := range file.Docs {
		if document.Body == nil || document.Body.Type() == ast.DirectiveType {
			continue
		}
		if root != nil {
			d.faultAt(d.place(document.Body), "", "a second document; a configuration is one")
			return nil
		}
		root = document.Body
	}
	if root != nil {
		ast.Walk(anchorVisitor(d.anchors), root)
	}
	return root
}

// decode puts node into the value, which is a struct, a map of strings, a slice, a pointer to one of these or a scalar. A null
// leaves the value as it is, as if the key were not written.
func (d *decoder) decode(node ast.Node, into reflect.Value, path string) {
	node = d.resolve(node, path)
	if node == nil || node.Type() == ast.NullType {
		return
	}
	switch {
	case isScalar(into.Type()):
		d.scalar(node, into, path)
	case into.Kind() == reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		d.decode(node, into.Elem(), path)
	case into.Kind() == reflect.Struct:
		d.fields(d.mapping(node, path), into)
	case into.Kind() == reflect.Slice:
		d.list(node, into, path)
	case into.Kind() == reflect.Map:
		into.Set(reflect.MakeMap(into.Type()))
		for _, e := range d.mapping(node, path) {
			value := reflect.New(into.Type().Elem()).Elem()
			d.decode(e.value, value, e.path)
			into.SetMapIndex(reflect.ValueOf(e.key), value)
		}
	default:
		d.fault(path, "this version cannot read a %s", into.Type())
	}
}

// fields puts entries into the fields that have their keys as tag. The keys in others are known too, but left alone.
func (d *decoder) fields(entries []entry, into reflect.Value, others ...string) {
	fields := fieldsByKey(into)
	for _, e := range entries {
		if field, known := fields[e.key]; known {
			d.decode(e.value, field, e.path)
		} else if !slices.Contains(others, e.key) {
			d.fault(e.path, "%s", unknownKey(e.key, slices.AppendSeq(others, maps.Keys(fields))))
		}
	}
}

// mapping returns the entries of a mapping in order, less those it finds fault with. The parser has refused duplicates.
func (d *decoder) mapping(node ast.Node, path string) []entry {
	node = d.resolve(node, path)
	if node == nil || node.Type() == ast.NullType {
		return nil
	}
	mapping, ok := node.(ast.MapNode)
	if !ok {
		d.faultAt(d.place(node), path, "want a mapping of keys to values, found %s", kindOf(node))
		return nil
	}
	var entries []entry
	for iterator := mapping.MapRange(); iterator.Next(); {
		key, ok := d.key(iterator.Key(), path)
		if !ok {
			continue
		}
		e := entry{key: key, path: join(path, key), value: iterator.Value()}
		d.places[e.path] = d.place(iterator.Key())
		entries = append(entries, e)
	}
	return entries
}

func (d *decoder) key(node ast.MapKeyNode, path string) (string, bool) {
	if node.IsMergeKey() {
		d.faultAt(d.place(node), path, "merge keys (<<) are not supported; an alias can stand for a whole value only")
		return "", false
	}
	text, ok := scalarText(node)
	if !ok {
		d.faultAt(d.place(node), path, "a key must be plain text")
	}
	return text, ok
}

func (d *decoder) scalar(node ast.Node, into reflect.Value, path string) {
	text, ok := scalarText(node)
	if !ok {
		d.faultAt(d.place(node), path, "want a single value, found %s", kindOf(node))
		return
	}
	expanded, faults := d.expand(text)
	for _, fault := range faults {
		d.faultAt(d.place(node), path, "%s", fault)
	}
	if len(faults) > 0 {
		return
	}
	if err := setText(into, expanded); err != nil {
		d.faultAt(d.place(node), path, "%s", err)
	}
}

// resolve follows anchors and aliases to the node they stand for; nil after a fault.
func (d *decoder) resolve(node ast.Node, path string) ast.Node {
	for range maxAliases {
		switch n := node.(type) {
		case *ast.AnchorNode:
			node = n.Value
		case *ast.AliasNode:
			name := n.Value.GetToken().Value
			if node = d.anchors[name]; node == nil {
				d.faultAt(d.place(n), path, "the alias *%s has no anchor &%s", name, name)
				return nil
			}
		case *ast.TagNode:
			d.faultAt(d.place(n), path, "tags are not supported; a value that begins with ! must be quoted")
			return nil
		default:
			return node
		}
	}
	d.fault(path, "the aliases go in a circle")
	return nil
}

const maxAliases = 100 // that stand for one another

func (d *decoder) syntaxFault(err error) {
	var syntax yaml.Error
	if errors.As(err, &syntax) {
		message := syntax.GetMessage()
		if strings.HasPrefix(message, "found character '\t'") {
			message = "a tab: YAML is indented with spaces"
		}
		d.faultAt(d.placeOfToken(syntax.GetToken()), "", "%s", message)
		return
	}
	d.fault("", "%s", err)
}

func (d *decoder) place(node ast.Node) Place { return d.placeOfToken(node.GetToken()) }

func (d *decoder) placeOfToken(at *token.Token) Place {
	if at == nil || at.Position == nil {
		return d.places[""]
	}
	return Place{File: d.file, Line: max(at.Position.Line, 1), Column: max(at.Position.Column, 1)}
}

// anchorVisitor collects the values of anchors by name.
type anchorVisitor map[string]ast.Node

func (v anchorVisitor) Visit(node ast.Node) ast.Visitor {
	if anchor, ok := node.(*ast.AnchorNode); ok {
		v[anchor.Name.GetToken().Value] = anchor.Value
	}
	return v
}
