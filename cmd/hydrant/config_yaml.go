package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
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

// masked is s without its secrets: the name and password that an endpoint's URL may hold, the query of a function's, and what
// the headers of its requests say.
func masked(s stream.Stream) stream.Stream {
	s.Destination = maskedDestination(s.Destination)
	if s.Backup != nil {
		backup := *s.Backup
		backup.Destination = maskedDestination(backup.Destination)
		s.Backup = &backup
	}
	if t := s.Transform; t != nil && t.HTTP != nil {
		transform, http := *t, *t.HTTP
		http.URL = t.Name()
		http.Headers = maps.Clone(t.HTTP.Headers)
		for name := range t.HTTP.Headers {
			http.Headers[name] = hidden
		}
		transform.HTTP = &http
		s.Transform = &transform
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

// maskedDefinition is a definition as it is stored, without its secrets. Of one that cannot be read nobody knows which
// they are: it is replaced by the reason. That of a deleted stream has none.
func maskedDefinition(data []byte) (json.RawMessage, error) {
	if bytes.Equal(data, tombstone) {
		return data, nil
	}
	s, err := stream.Decode(data)
	if err != nil {
		return json.Marshal("not shown: " + err.Error())
	}
	if shown := masked(s); !reflect.DeepEqual(shown, s) {
		return shown.Encode(), nil
	}
	return data, nil
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
