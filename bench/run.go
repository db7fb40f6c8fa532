package bench

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/errgroup"
)

// Run makes a load and reports on it. It sends until the options' bounds are reached or the context ends, then waits for
// the answers still under way, for the options' timeout at most. Failures of the gateway are part of the report, not
// errors: Run fails if the options are wrong or the ledger cannot be written, and then still reports on what it did, if
// it began. Each second it writes a line to progress, which may be nil.
func Run(ctx context.Context, o Options, progress io.Writer) (*Report, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	l, err := newLoad(o.bounded())
	if err != nil {
		return nil, err
	}
	return l.run(ctx, progress)
}

// A load is one run of the generator.
type load struct {
	options   Options
	id        string
	schedule  *schedule
	meter     *meter
	ledger    *ledger // nil if none is kept
	producers []*producer
	closers   []func()
	cpu       time.Duration // of this process before measuring began
}

// newLoad prepares a run that starts now. Carriers are dialled before: what that takes is no part of the load.
func newLoad(o Options) (*load, error) {
	authorize, err := o.Credentials.authorizer()
	if err != nil {
		return nil, err
	}
	material, err := newMaterial(o)
	if err != nil {
		return nil, err
	}
	l := &load{options: o, id: newRunID()}
	if o.Ledger != "" {
		if l.ledger, err = openLedger(o.Ledger, l.id, o.Connections, o.Batch); err != nil {
			return nil, err
		}
	}
	connections := make([]*connection, o.Connections)
	for i := range connections {
		if connections[i], err = connect(o, i); err != nil {
			l.hangUp()
			return nil, errors.Join(err, l.ledger.close())
		}
		connections[i].authorize = authorize
		l.closers = append(l.closers, connections[i].close)
	}
	l.schedule = newSchedule(o, time.Now())
	l.meter = newMeter(l.schedule.measured)
	for i, c := range connections {
		l.producers = append(l.producers, &producer{
			number: i, schedule: l.schedule, ledger: l.ledger, author: newAuthor(l.id, i, material),
			meter: l.meter, appendBody: c.protocol.appendBody, exchange: c.exchange,
		})
	}
	return l, nil
}

// newRunID names a run: 16 random hexadecimal digits.
func newRunID() string {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}

func (l *load) run(ctx context.Context, progress io.Writer) (*Report, error) {
	watched := l.watch(progress)
	err := l.drive(ctx)
	stopped := time.Now()
	watched()
	l.hangUp()
	if closed := l.ledger.close(); err == nil {
		err = closed
	}
	if err != nil {
		err = fmt.Errorf("run %s stopped: %w", l.id, err)
	}
	return l.report(stopped), err
}

func (l *load) hangUp() {
	for _, closeConnection := range l.closers {
		closeConnection()
	}
}

// drive runs all producers to their end. The first whose ledger fails ends the others.
func (l *load) drive(ctx context.Context) error {
	ctx, cancel := l.schedule.bound(ctx)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	for _, p := range l.producers {
		group.Go(func() error { return p.run(ctx) })
	}
	return group.Wait()
}
