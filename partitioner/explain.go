package partitioner

import (
	"bytes"
	"encoding/json"
	"fmt"

	"hydrant/stream/expr"
)

// Explanation is an output for people: where it goes and what led there.
type Explanation struct {
	Prefix  string            `json:"prefix"`           // with <random> where each object has a random string of its own
	Values  map[string]string `json:"values,omitempty"` // of the partition keys
	Type    string            `json:"error_type,omitempty"`
	Code    string            `json:"error_code,omitempty"`
	Message string            `json:"error_message,omitempty"`
	Record  []byte            `json:"record"` // what is delivered, or what error output keeps
}

// Explain is Process, with all that an output does not tell.
func (p *Partitioner) Explain(arrival int64, record []byte) ([]Explanation, error) {
	return p.explain(p.Process(nil, 0, arrival, record), nil)
}

// ExplainOutcome is ProcessOutcome in the same way.
func (p *Partitioner) ExplainOutcome(arrival int64, o *Outcome) ([]Explanation, error) {
	outputs, err := p.ProcessOutcome(nil, arrival, o.Append(nil))
	if err != nil {
		return nil, err
	}
	return p.explain(outputs, o)
}

func (p *Partitioner) explain(outputs []Output, answer *Outcome) ([]Explanation, error) {
	var all []Explanation
	for _, out := range outputs {
		e := Explanation{Prefix: string(bytes.ReplaceAll(out.Prefix, []byte(expr.RandomString), []byte("<random>"))), Type: out.Error}
		if out.Error != "" {
			var line struct {
				ErrorCode, ErrorMessage string
				RawData                 []byte
			}
			if err := json.Unmarshal(out.Data, &line); err != nil {
				return nil, fmt.Errorf("a line of error output: %w", err)
			}
			e.Code, e.Message, e.Record = line.ErrorCode, line.ErrorMessage, line.RawData
		} else {
			e.Values, e.Record = p.valuesOf(out.Data, answer), bytes.Clone(out.Data)
		}
		all = append(all, e)
	}
	return all, nil
}

// valuesOf are the values of the partition keys in a record that has them all.
func (p *Partitioner) valuesOf(record []byte, answer *Outcome) map[string]string {
	if p.keys == nil || len(p.keys.names) == 0 {
		return nil
	}
	found, err := p.keys.extract(record, answer)
	if err != nil {
		return nil
	}
	values := map[string]string{}
	for i, name := range p.keys.names {
		values[expr.KeyName(name)] = string(found[i])
	}
	return values
}
