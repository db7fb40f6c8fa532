package main

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A Fault is one thing wrong with the configuration and where it is written.
type Fault struct {
	Place
	Path    string // of the key, as streams.clicks.prefix; empty where the fault is of the whole file
	Message string
	Source  string // the line of the file; empty for a fault of the environment
}

// A Place is where a key was given: in a file, or by a variable of the environment.
type Place struct {
	File         string
	Line, Column int    // from 1
	Variable     string // of the environment; File, Line and Column are not set then
}

// String is file:line:column, or environment: NAME.
func (p Place) String() string {
	if p.Variable != "" {
		return "environment: " + p.Variable
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// String is the fault on one line.
func (f Fault) String() string {
	if f.Path == "" || f.Variable != "" {
		return fmt.Sprintf("%s: %s", f.Place, f.Message)
	}
	return fmt.Sprintf("%s: %s: %s", f.Place, f.Path, f.Message)
}

// Faults is everything found wrong with one configuration, those of the environment first, then in the order of the
// file. As an error it has one line for each.
type Faults []Fault

func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.String()
	}
	return strings.Join(lines, "\n")
}

func byPlace(a, b Fault) int {
	return cmp.Or(
		cmp.Compare(a.File, b.File), // the environment has no file, so it comes first
		cmp.Compare(a.Line, b.Line),
		cmp.Compare(a.Column, b.Column),
		cmp.Compare(a.Variable, b.Variable),
	)
}

// Excerpt shows the fault's line of the file with a mark below its column; empty for a fault of the environment, and of
// a file or a line with secrets.
func (f Fault) Excerpt() string {
	if f.Variable != "" || f.Source == "" {
		return ""
	}
	margin := fmt.Sprintf("%5d | ", f.Line)
	line := strings.ReplaceAll(f.Source, "\t", " ")
	return fmt.Sprintf("%s%s\n%*s%s^\n", margin, line, len(margin), "| ", strings.Repeat(" ", f.Column-1))
}

// mask hides the name and password in every URL of text.
func mask(text string) string { return userinfo.ReplaceAllString(text, "://"+hidden+"@") }

// hidden stands for a secret.
const hidden = "xxxxx"

var userinfo = regexp.MustCompile(`://[^/\s]*@`)

// A report collects what is found while one configuration is read, with the places it is written at.
type report struct {
	file     string
	lines    []string
	faults   Faults
	warnings Faults
	places   map[string]Place // of every key met, by path
}

func newReport(file string, text []byte) *report {
	return &report{
		file:   file,
		lines:  strings.Split(string(text), "\n"),
		places: map[string]Place{"": {File: file, Line: 1, Column: 1}},
	}
}

// fault notes what is wrong with the value at path.
func (r *report) fault(path, format string, values ...any) {
	r.faultAt(r.placeOf(path), path, format, values...)
}

func (r *report) faultAt(place Place, path, format string, values ...any) {
	r.faults = append(r.faults, r.newFault(place, path, format, values...))
}

// warn notes what is allowed, but must be said.
func (r *report) warn(path, format string, values ...any) {
	r.warnings = append(r.warnings, r.newFault(r.placeOf(path), path, format, values...))
}

func (r *report) newFault(place Place, path, format string, values ...any) Fault {
	f := Fault{Place: place, Path: oneLine(path), Message: oneLine(mask(fmt.Sprintf(format, values...)))}
	if 1 <= place.Line && place.Line <= len(r.lines) {
		f.Source = mask(strings.TrimRight(r.lines[place.Line-1], "\r"))
	}
	return f
}

func oneLine(text string) string { return strings.Join(strings.FieldsFunc(text, isLineEnd), " ") }

func isLineEnd(r rune) bool { return r == '\n' || r == '\r' }

// placeOf is where the key at path is written, or else the nearest key above it.
func (r *report) placeOf(path string) Place {
	for path != "" {
		if place, ok := r.places[path]; ok {
			return place
		}
		path = path[:max(strings.LastIndexByte(path, '.'), 0)]
	}
	return r.places[""]
}

// conceal takes the lines of keys that hold secrets out of what was found.
func (r *report) conceal(holdsSecrets func(path string) bool) {
	if len(r.faults)+len(r.warnings) == 0 {
		return
	}
	secret := map[int]bool{}
	for path, place := range r.places {
		if holdsSecrets(path) {
			secret[place.Line] = true
		}
	}
	for _, found := range []Faults{r.faults, r.warnings} {
		for i := range found {
			if secret[found[i].Line] {
				found[i].Source = ""
			}
		}
	}
}

func (r *report) sort() {
	slices.SortStableFunc(r.faults, byPlace)
	slices.SortStableFunc(r.warnings, byPlace)
}
