package expr

// node is a point that paths go through; together they are a tree.
type node struct {
	step     step
	paths    []int // that end here
	children []*node
	names    bool // a child is a field
	indexes  bool // a child is an element
}

// child returns the child that s leads to, made if need be.
func (n *node) child(s step) *node {
	for _, c := range n.children {
		if c.step == s {
			return c
		}
	}
	c := &node{step: s}
	n.children = append(n.children, c)
	n.names = n.names || s.index < 0
	n.indexes = n.indexes || s.index >= 0
	return c
}

// scan checks the record and fills x.found.
func (x *Extractor) scan(record []byte) (int, fault) {
	i := space(record, 0)
	if i == len(record) {
		return i, truncated
	}
	if record[i] != '{' {
		return i, notAnObject
	}
	i, f := x.value(record, i, x.root, 0)
	if f != "" {
		return i, f
	}
	if i = space(record, i); i < len(record) {
		return i, trailingText
	}
	return i, ""
}

// value passes the value at i, which a path leads to or through. It recurses no deeper than the longest path, which is
// within maxDepth.
func (x *Extractor) value(data []byte, i int, n *node, depth int) (int, fault) {
	if i = space(data, i); i == len(data) {
		return i, truncated
	}
	kind := kindOf(data[i])
	x.mark(n, kind)
	switch {
	case kind == object && n.names:
		return x.object(data, i, n, depth+1)
	case kind == array && n.indexes:
		return x.array(data, i, n, depth+1)
	}
	end, f := skip(data, i, depth)
	if kind == text {
		x.locate(n, i+1, end-1)
	} else if kind == literal {
		x.locate(n, i, end)
	}
	return end, f
}

func (x *Extractor) locate(n *node, start, end int) {
	for _, path := range n.paths {
		x.found[path].start, x.found[path].end = start, end
	}
}

// mark notes the kind of the value at n and, for what lies below it, that nothing has been seen yet. It so undoes an
// earlier field of the same name.
func (x *Extractor) mark(n *node, kind valueKind) {
	for _, path := range n.paths {
		x.found[path] = found{kind: kind}
	}
	for _, c := range n.children {
		x.mark(c, below(kind, c.step.index >= 0))
	}
}

// below is the kind of a value that has not been seen inside one of the kind outer: as an element, or as a field.
func below(outer valueKind, element bool) valueKind {
	switch {
	case outer == object && !element, outer == array && element, outer == missing:
		return missing
	case outer == null:
		return null
	}
	return unreachable
}

func (x *Extractor) object(data []byte, i int, n *node, depth int) (int, fault) {
	if i = space(data, i+1); i < len(data) && data[i] == '}' {
		return i + 1, ""
	}
	for {
		end, escaped, f := name(data, i)
		if f != "" {
			return end, f
		}
		child := x.field(n, data[i+1:end-1], escaped)
		if end < len(data) && data[end] == ':' {
			i = end + 1
		} else if i, f = colon(data, end); f != "" {
			return i, f
		}
		if child != nil {
			i, f = x.value(data, i, child, depth)
		} else {
			i, f = skip(data, i, depth)
		}
		if f != "" {
			return i, f
		}
		var more bool
		if i, more, f = separator(data, i, true); f != "" || !more {
			return i, f
		}
		i = space(data, i)
	}
}

func (x *Extractor) array(data []byte, i int, n *node, depth int) (int, fault) {
	if i = space(data, i+1); i < len(data) && data[i] == ']' {
		return i + 1, ""
	}
	for index := 0; ; index++ {
		var f fault
		if child := n.element(index); child != nil {
			i, f = x.value(data, i, child, depth)
		} else {
			i, f = skip(data, i, depth)
		}
		if f != "" {
			return i, f
		}
		var more bool
		if i, more, f = separator(data, i, false); f != "" || !more {
			return i, f
		}
	}
}

// field returns the child for a field's name, still escaped, or nil.
func (x *Extractor) field(n *node, raw []byte, escaped bool) *node {
	name := raw
	if escaped {
		x.fieldName = appendUnescaped(reuse(x.fieldName), raw)
		name = x.fieldName
	}
	for _, c := range n.children {
		if c.step.index < 0 && c.step.name == string(name) {
			return c
		}
	}
	return nil
}

func (n *node) element(index int) *node {
	for _, c := range n.children {
		if c.step.index == index {
			return c
		}
	}
	return nil
}

// kindOf is the kind of a value by its first byte, provided that it is a value.
func kindOf(first byte) valueKind {
	switch first {
	case '{':
		return object
	case '[':
		return array
	case '"':
		return text
	case 'n':
		return null
	}
	return literal
}
