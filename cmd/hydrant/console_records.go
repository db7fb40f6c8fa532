package main

import (
	"context"
	"fmt"
	"time"

	"hydrant/gateway/auth"
	web "hydrant/gateway/console"
	"hydrant/partitioner"
	"hydrant/stream"
)

// testRecords lets the console try and send records.
type testRecords struct{ node *node }

// MaySend implements console.Records.
func (t testRecords) MaySend(name, authorization string) error {
	return detail(t.node.gateway.May(auth.Records, name, authorization))
}

// Place implements console.Records.
func (t testRecords) Place(name string, record []byte, arrival time.Time) ([]web.Place, error) {
	s, ok := t.node.streams.Current(name)
	if !ok {
		return nil, fmt.Errorf("there is no stream %q that takes records", name)
	}
	return placesOf(s, record, arrival)
}

// placesOf evaluates a definition's rules, as `hydrant try` does.
func placesOf(s stream.Stream, record []byte, arrival time.Time) ([]web.Place, error) {
	p, err := partitioner.New(s)
	if err != nil {
		return nil, err
	}
	explained, err := p.Explain(arrival.UnixMilli(), record)
	if err != nil {
		return nil, err
	}
	var places []web.Place
	for i, out := range p.Process(nil, 0, arrival.UnixMilli(), record) {
		e := explained[i]
		places = append(places, web.Place{
			Partition: string(out.Error) + "\x00" + string(out.Prefix), Key: e.Prefix + fileName(s, arrival),
			Code: e.Code, Message: e.Message, Record: e.Record,
		})
	}
	return places, nil
}

// Send implements console.Records. What a function makes of a record has a lane of its own, where it cannot be followed.
func (t testRecords) Send(ctx context.Context, name, authorization string, record []byte) (web.Receipt, error) {
	if s, _ := t.node.streams.Current(name); s.Transform != nil {
		return web.Receipt{}, fmt.Errorf("stream %s calls a function, behind which a record cannot be followed: send it through the API", name)
	}
	r, err := t.node.gateway.Send(ctx, name, authorization, record)
	return web.Receipt{Lane: r.Lane, Sequence: uint64(r.First)}, err
}
