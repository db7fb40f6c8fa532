package control

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// UnknownMemberError tells of a member that an operation's input does not have.
type UnknownMemberError struct {
	Path   string   // of the member, with numbers of elements that begin at 0
	Member string   // its last name
	Known  []string // what the structure that it is in has, in order; never empty
}

func (e *UnknownMemberError) Error() string {
	return fmt.Sprintf("%s is unknown", e.Path)
}

// CheckMembers finds the first member of an input that the operation does not have. The service ignores such members, as
// AWS's does: a newer client may send them. Where a person wrote them they are a slip of the pen, which the aws CLI refuses
// too. The error is of type *UnknownMemberError.
func CheckMembers(operation string, in map[string]any) error {
	m := firehoseModel()
	if found := m.unknown(m.Operations[operation], "", in); found != nil {
		return found
	}
	return nil
}

// unknown looks through a value of the shape. What is of another type than the shape is the service's to tell.
func (m *model) unknown(name, path string, value any) *UnknownMemberError {
	s := m.Shapes[name]
	switch v := value.(type) {
	case map[string]any:
		if s.Type != "structure" {
			return nil
		}
		for _, member := range slices.Sorted(maps.Keys(v)) {
			at := join(path, member)
			shape, known := s.Members[member]
			if !known {
				return &UnknownMemberError{Path: at, Member: member, Known: slices.Sorted(maps.Keys(s.Members))}
			}
			if found := m.unknown(shape, at, v[member]); found != nil {
				return found
			}
		}
	case []any:
		if s.Type != "list" {
			return nil
		}
		for i, element := range v {
			if found := m.unknown(s.Member, path+"["+strconv.Itoa(i)+"]", element); found != nil {
				return found
			}
		}
	}
	return nil
}
