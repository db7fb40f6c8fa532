package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/token"

	"hydrant/stream"
)

// YAML is the configuration in force, as a file that Load would read to the same effect, but for secrets, which are
// masked, and empty values, which are left out.
func (c *Config) YAML() ([]byte, error) {
	streams := make(yaml.MapSlice, len(c.Streams))
	for i, s := range c.Streams {
		streams[i] = yaml.MapItem{Key: s.Name, Value: masked(s)}
	}
	settings, err := yaml.MarshalWithOptions(c, yaml.OmitZero(), yaml.CustomMarshaler(quoted))
	if err != nil {
		return nil, fmt.Errorf("write the settings: %w", err)
	}
	all := yaml.MapSlice{{Key: "streams", Value: streams}}
	definitions, err := yaml.MarshalWithOptions(all, yaml.OmitZero(), yaml.CustomMarshaler(escaped))
	if err != nil {
		return nil, fmt.Errorf("write the streams: %w", err)
	}
	return append(settings, definitions...), nil
}

// masked is s without the name and password that an endpoint's URL may hold.
func masked(s stream.Stream) stream.Stream {
	s.Destination = maskedDestination(s.Destination)
	if s.Backup != nil {
		backup := *s.Backup
		backup.Destination = maskedDestination(backup.Destination)
		s.Backup = &backup
	}
	return s
}

func maskedDestination(d stream.Destination) stream.Destination {
	if d.S3 != nil {
		s3 := *d.S3
		s3.Endpoint = mask(s3.Endpoint)
		d.S3 = &s3
	}
	return d
}

// quoted writes text in quotes unless it is surely read as the same text without. The library's own judgement is not
// trusted: it loses the last line feed of some texts and makes mappings of others.
func quoted(text string) ([]byte, error) {
	if !plain.MatchString(text) || token.IsNeedQuoted(text) {
		return []byte(strconv.Quote(text)), nil
	}
	return []byte(text), nil
}

var plain = regexp.MustCompile(`^[\w./]([\w./:-]*[\w./-])?$`)

// escaped is quoted for text in which ${ has a meaning.
func escaped(text string) ([]byte, error) { return quoted(strings.ReplaceAll(text, "${", "$${")) }
