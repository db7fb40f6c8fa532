package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"hydrant/delivery/transform"
	"hydrant/partitioner"
	"hydrant/stream"
)

// sample is one of what processing makes of a record, on its way through the function.
type sample struct {
	input   int // of the record
	data    []byte
	outcome *partitioner.Outcome // nil until there is one
}

// evaluateFunction is evaluate for a stream with a function. One that is not called is named in the results.
func (c *tryCommand) evaluateFunction(ctx context.Context, owner APIStreams, s stream.Stream, p *partitioner.Partitioner, arrival int64, records [][]byte) ([][]tried, error) {
	samples, given := splitSamples(p, arrival, records)
	if c.Call || s.Transform.WASM != nil {
		answers, err := callFunction(ctx, owner, s, given)
		if err != nil {
			return nil, err
		}
		for i := range samples {
			if samples[i].outcome == nil {
				samples[i].outcome, answers = &answers[0], answers[1:]
			}
		}
	}
	results := make([][]tried, len(records))
	for _, one := range samples {
		if one.outcome == nil {
			results[one.input] = append(results[one.input],
				tried{Function: s.Transform.Name(), Explanation: partitioner.Explanation{Record: one.data}})
			continue
		}
		explained, err := p.ExplainOutcome(arrival, one.outcome)
		if err != nil {
			return nil, err
		}
		results[one.input] = appendTried(results[one.input], explained)
	}
	return results, nil
}

// splitSamples takes records apart, and returns what comes of them in order. Those samples that have no outcome yet are
// given to the function, in the same order.
func splitSamples(p *partitioner.Partitioner, arrival int64, records [][]byte) (samples []sample, given []transform.Record) {
	for i, record := range records {
		for _, piece := range p.Split(nil, record) {
			if piece.Failed != nil {
				samples = append(samples, sample{input: i, outcome: piece.Failed})
				continue
			}
			data := bytes.Clone(piece.Data)
			given = append(given, transform.Record{Data: data, Raw: bytes.Clone(piece.Raw), Arrival: arrival})
			samples = append(samples, sample{input: i, data: data})
		}
	}
	return samples, given
}

// callFunction gives records to the stream's function, as many at once as a node would. Where a node would wait and try
// again without end, it fails.
func callFunction(ctx context.Context, owner APIStreams, s stream.Stream, records []transform.Record) (answers []partitioner.Outcome, err error) {
	opened, err := openFunction(ctx, *s.Transform)
	if err != nil {
		return nil, err
	}
	if c, ok := opened.(io.Closer); ok {
		defer func() { err = errors.Join(err, c.Close()) }()
	}
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	f := transform.New(*s.Transform, opened, owner.Region, owner.Account, s.Name)
	f.KeepRaw = true
	f.Troubled = func(err error) {
		if err != nil {
			giveUp(fmt.Errorf("the function %s cannot be called: %w", f.Name, err))
		}
	}
	for len(records) > 0 {
		n, size := 0, 0
		for n < len(records) && size < int(s.Transform.Buffering.Size) {
			size += len(records[n].Data)
			n++
		}
		more, err := f.Call(ctx, records[:n])
		if err != nil {
			return nil, context.Cause(ctx)
		}
		answers, records = append(answers, more...), records[n:]
	}
	return answers, nil
}
