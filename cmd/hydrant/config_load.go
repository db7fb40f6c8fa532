package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"hydrant/configs"
	"hydrant/stream"
)

// maxConfigBytes bounds a configuration file. A stream takes about 300 bytes.
const maxConfigBytes = 1 << 20

// Load reads the configuration file at path, or the built-in demonstration if path is empty; environ is as from
// os.Environ and wins over the file. The error is of type Faults if the configuration was read and is wrong.
func Load(path string, environ []string) (*Config, error) {
	name, text := "(built-in demo.yaml)", configs.Demo
	if path != "" {
		var err error
		if name, text, err = readConfig(path); err != nil {
			return nil, err
		}
	}
	return parseConfig(name, text, parseEnvironment(environ))
}

func readConfig(path string) (name string, text []byte, err error) {
	file, err := os.Open(path)
	if err != nil {
		return "", nil, fmt.Errorf("read the configuration: %w", err)
	}
	text, err = io.ReadAll(io.LimitReader(file, maxConfigBytes+1))
	if err = errors.Join(err, file.Close()); err != nil {
		return "", nil, fmt.Errorf("read the configuration: %w", err)
	}
	if len(text) > maxConfigBytes {
		return "", nil, fmt.Errorf("read the configuration: %s has more than %d bytes", path, maxConfigBytes)
	}
	return path, text, nil
}

// parseConfig goes from the outside in, because values inside streams may refer to settings.
func parseConfig(name string, text []byte, variables environment) (*Config, error) {
	found := newReport(name, text)
	d := newDecoder(found)
	root := d.parse(text)
	if len(found.faults) > 0 {
		return nil, found.faults
	}

	c := defaults()
	c.Limits.InFlight, c.Buffer.StreamShare = 0, 0
	entries := d.mapping(root, "")
	d.fields(entries, reflect.ValueOf(c).Elem(), "streams")
	variables.apply(c, found)
	c.complete()

	settings := c.settings()
	d.expand = func(text string) (string, []string) { return variables.expand(text, settings) }
	for _, e := range entries {
		if e.key == "streams" {
			c.Streams = d.streams(e.value)
		}
	}

	validate(c, found)
	found.conceal(ofHeaders)
	found.sort()
	if len(found.faults) > 0 {
		return nil, found.faults
	}
	c.Warnings = found.warnings
	return c, nil
}

// ofHeaders reports whether a key is the headers of a stream's function, or in them. Streams may have dots in their names.
func ofHeaders(path string) bool {
	const headers = ".transform.http.headers"
	return strings.HasPrefix(path, "streams.") && (strings.HasSuffix(path, headers) || strings.Contains(path, headers+"."))
}

func (d *decoder) streams(node ast.Node) []stream.Stream {
	var streams []stream.Stream
	for _, e := range d.mapping(node, "streams") {
		s := stream.Stream{Name: e.key}
		d.decode(e.value, reflect.ValueOf(&s).Elem(), e.path)
		streams = append(streams, s.WithDefaults())
	}
	return streams
}
