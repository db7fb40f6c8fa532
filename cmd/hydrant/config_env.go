package main

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// environment is what a process was given as variables, by name.
type environment map[string]string

func parseEnvironment(pairs []string) environment {
	variables := environment{}
	for _, pair := range pairs {
		if name, value, ok := strings.Cut(pair, "="); ok {
			variables[name] = value
		}
	}
	return variables
}

const variablePrefix = "HYDRANT_"

// fromKubernetes recognises what Kubernetes sets in every container beside a Service called hydrant, or hydrant and
// more. A node must start there all the same.
func fromKubernetes(name, value string) bool {
	return serviceVariable.MatchString(name) || strings.HasSuffix(name, "_PORT") && strings.Contains(value, "://")
}

var serviceVariable = regexp.MustCompile(`_(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)

// A setting is a single value outside streams that a variable of the environment can give too.
type setting struct {
	path  string // as buffer.max_disk
	value reflect.Value
}

// settings returns all of the configuration's, by the name of their variable, as HYDRANT_BUFFER_MAX_DISK.
func (c *Config) settings() map[string]setting {
	settings := map[string]setting{}
	collectSettings(reflect.ValueOf(c).Elem(), "", settings)
	return settings
}

func collectSettings(v reflect.Value, path string, into map[string]setting) {
	for key, field := range fieldsByKey(v) {
		s := setting{path: join(path, key), value: field}
		if !isScalar(field.Type()) {
			collectSettings(field, s.path, into)
			continue
		}
		into[variableOf(s.path)] = s
	}
}

// variableOf is the name of the variable that gives the setting at path.
func variableOf(path string) string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
}

// ofCommands are the variables that give options of commands, and mean nothing to a configuration.
var ofCommands = []string{"HYDRANT_URL"}

// apply puts the variables into the settings they name. An empty one counts as not set. A variable that looks like
// Hydrant's and names no setting is a fault, for a setting misspelt would otherwise be a default in silence.
func (e environment) apply(c *Config, r *report) {
	settings := c.settings()
	for _, name := range slices.Sorted(maps.Keys(e)) {
		if !strings.HasPrefix(name, variablePrefix) || strings.HasPrefix(name, "HYDRANT_TEST_") || slices.Contains(ofCommands, name) || e[name] == "" {
			continue
		}
		place := Place{Variable: name}
		s, known := settings[name]
		switch {
		case known:
			r.places[s.path] = place
			if err := setText(s.value, e[name]); err != nil {
				r.fault(s.path, "%s", err)
			}
		case !fromKubernetes(name, e[name]):
			r.faultAt(place, "", "no such setting; the nearest is %s", nearest(name, slices.Sorted(maps.Keys(settings))))
		}
	}
}

var reference = regexp.MustCompile(`\$\$\{|\$\{[^}]*\}?`)

// expand replaces each ${NAME} in text by the value of that variable; $${ stands for ${ itself. A setting that is not
// empty goes before the variable of its name, so that ${HYDRANT_DATA_DIR} is right wherever it was given.
func (e environment) expand(text string, settings map[string]setting) (string, []string) {
	var faults []string
	expanded := reference.ReplaceAllStringFunc(text, func(found string) string {
		if strings.HasPrefix(found, "$$") {
			return found[1:]
		}
		name, closed := strings.CutSuffix(found[len("${"):], "}")
		if !closed || !variableName.MatchString(name) {
			faults = append(faults, fmt.Sprintf("%q is no reference to a variable; write ${NAME}, or $${ for ${ itself", found))
			return ""
		}
		value, defined := e.lookup(name, settings)
		if !defined {
			faults = append(faults, fmt.Sprintf("the environment has no variable %s", name))
		}
		return value
	})
	return expanded, faults
}

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func (e environment) lookup(name string, settings map[string]setting) (string, bool) {
	if s, ok := settings[name]; ok && !s.value.IsZero() {
		return fmt.Sprint(s.value.Interface()), true
	}
	value, ok := e[name]
	return value, ok
}
