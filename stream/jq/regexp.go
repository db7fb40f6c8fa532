package jq

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"unicode/utf8"
)

// Bounds of a regular expression. Go's take time in proportion to expression and text, so that it is the size of the
// compiled expression, with its repetitions written out, that must be bounded.
const (
	maxPattern     = 1000 // bytes
	maxPatternSize = 1000 // nodes, repetitions written out
	keptPatterns   = 32
)

type pattern struct{ source, flags string }

type regularExpression struct {
	*regexp.Regexp
	size int
}

// match implements what jq's regular expression functions rest on: the array of all matches, or of the first, or, where
// only that is asked, whether there is one.
func (m *meter) match(in any, source, flags, testing any) any {
	text, ok := in.(string)
	if !ok {
		return fmt.Errorf("%s cannot be matched, as it is not a string", described(in))
	}
	re, global, skipEmpty, err := m.regularExpression(source, flags)
	if err != nil {
		return err
	}
	if err := m.charge(1 + len(text)*(1+re.size)/4); err != nil {
		return err
	}
	if testing == true {
		return re.MatchString(text)
	}
	n, units := 1, 8+8*re.NumSubexp()
	if global {
		n = 1 + (MaxWork-m.work)/units // one more than may be found
	}
	found := re.FindAllStringSubmatchIndex(text, n)
	if err := m.charge(len(found) * units); err != nil {
		return err
	}
	matches, at := []any{}, position{text: text}
	for _, indexes := range found {
		if skipEmpty && indexes[0] == indexes[1] {
			continue
		}
		matches = append(matches, at.match(indexes, re.SubexpNames()))
	}
	return matches
}

func (m *meter) regularExpression(source, flags any) (re *regularExpression, global, skipEmpty bool, err error) {
	var p pattern
	var ok bool
	if p.source, ok = source.(string); !ok {
		return nil, false, false, fmt.Errorf("%s is no regular expression, as it is not a string", described(source))
	}
	letters, ok := flags.(string)
	if !ok && flags != nil {
		return nil, false, false, fmt.Errorf("%s are no flags of a regular expression, as it is not a string", described(flags))
	}
	for _, letter := range letters {
		switch letter {
		case 'g':
			global = true
		case 'n':
			skipEmpty = true
		case 'i':
			p.flags += "i"
		case 's': // as it is without
		case 'p':
			p.flags += "s"
		default:
			return nil, false, false, fmt.Errorf("the flag %c of a regular expression is not supported: g, i, n, p and s are", letter)
		}
	}
	if re = m.patterns[p]; re == nil {
		if err := m.charge(maxPatternSize); err != nil {
			return nil, false, false, err
		}
		if re, err = compilePattern(p); err != nil {
			return nil, false, false, err
		}
		if len(m.patterns) >= keptPatterns {
			clear(m.patterns)
		}
		m.patterns[p] = re
	}
	return re, global, skipEmpty, nil
}

// compilePattern does not depend on what else was compiled before, so that an error is the same whenever it is met.
func compilePattern(p pattern) (*regularExpression, error) {
	if size := len(p.source); size > maxPattern {
		return nil, fmt.Errorf("the regular expression has %d bytes; the limit is %d", size, maxPattern)
	}
	source := p.source
	if p.flags != "" {
		source = "(?" + p.flags + ")" + source
	}
	tree, err := syntax.Parse(source, syntax.Perl)
	var fault *syntax.Error
	if errors.As(err, &fault) {
		return nil, fmt.Errorf("the regular expression %q cannot be used: %s", p.source, fault.Code)
	} else if err != nil {
		return nil, err
	}
	size := writtenOut(tree)
	if size > maxPatternSize {
		return nil, fmt.Errorf("the regular expression has more than %d parts with its repetitions written out; the limit is %d",
			maxPatternSize, maxPatternSize)
	}
	re, err := regexp.Compile(source)
	if err != nil {
		return nil, err
	}
	return &regularExpression{re, size}, nil
}

// writtenOut is the number of nodes of an expression whose repetitions are written out, or more than maxPatternSize.
func writtenOut(re *syntax.Regexp) int {
	size := 1 + len(re.Rune)/2
	for _, sub := range re.Sub {
		size = min(size+writtenOut(sub), maxPatternSize+1)
	}
	if re.Op == syntax.OpRepeat {
		size *= max(1, re.Min, re.Max)
	}
	return min(size, maxPatternSize+1)
}

// position tells places in a text in characters, as jq does, in one pass over it: matches come in order. Groups do not,
// but lie within their match.
type position struct {
	text              string
	bytes, characters int
}

func (p *position) match(indexes []int, names []string) any {
	start, end := indexes[0], indexes[1]
	offset := p.to(start)
	captures := make([]any, 0, len(names)-1)
	for i, name := range names[1:] {
		var named any
		if name != "" {
			named = name
		}
		from, to := indexes[2*i+2], indexes[2*i+3]
		capture := map[string]any{"offset": -1, "length": 0, "string": nil, "name": named}
		if from >= 0 {
			text := p.text[from:to]
			capture["offset"] = offset + utf8.RuneCountInString(p.text[start:from])
			capture["length"], capture["string"] = utf8.RuneCountInString(text), text
		}
		captures = append(captures, capture)
	}
	text := p.text[start:end]
	return map[string]any{"offset": offset, "length": utf8.RuneCountInString(text), "string": text, "captures": captures}
}

func (p *position) to(at int) int {
	p.characters += utf8.RuneCountInString(p.text[p.bytes:at])
	p.bytes = at
	return p.characters
}
