package control

import (
	"fmt"

	"hydrant/gateway/ingest"
)

func invalidArgument(format string, values ...any) error {
	return &ingest.Error{Code: ingest.InvalidArgument, Detail: fmt.Sprintf(format, values...)}
}

func inUse(format string, values ...any) error {
	return &ingest.Error{Code: ingest.StreamInUse, Detail: fmt.Sprintf(format, values...)}
}

func (p *Plane) notFound(name string) error {
	return &ingest.Error{Code: ingest.StreamNotFound, Detail: fmt.Sprintf("Firehose %s not found under account %s.", name, p.config.Account)}
}

// find returns a record that may be changed. Errors are those of the operations that change a stream.
func (p *Plane) find(name string) (*record, error) {
	if s := p.inForce(name); s != nil && s.Configured {
		return nil, configured(name)
	}
	r := p.record(name)
	if r == nil {
		return nil, p.notFound(name)
	}
	return r, nil
}

// findActive is find for operations that a stream being deleted refuses.
func (p *Plane) findActive(name string) (*record, error) {
	r, err := p.find(name)
	if err == nil && r.Leaving != "" {
		err = inUse("Firehose %s under account %s is not in the ACTIVE state: it is being deleted.", name, p.config.Account)
	}
	return r, err
}

func configured(name string) error {
	return invalidArgument("Firehose %s is defined in this node's configuration file, and changes only there: edit the file and reload it (SIGHUP).", name)
}

// inForce returns the stream of a name; nil if none is in force.
func (p *Plane) inForce(name string) *Stream {
	for _, s := range p.deps.Node.Streams() {
		if s.Definition.Name == name {
			return &s
		}
	}
	return nil
}
