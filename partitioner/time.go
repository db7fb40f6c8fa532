package partitioner

import (
	"errors"
	"fmt"
	"time"

	"hydrant/stream"
	"hydrant/stream/expr"
)

// eventTime takes a record's time from a field. It is for one goroutine.
type eventTime struct {
	path        string
	format      *expr.TimeFormat
	late, early bound
}

// bound is where records go whose event time lies too far from their arrival.
type bound struct {
	most   int64           // milliseconds
	prefix *expr.Evaluator // nil without a bound
}

// newEventTime returns nil for a definition without event time. The values of the partition keys are in the order of keys.
func newEventTime(s stream.Stream, keys []string, zone *time.Location) (*eventTime, error) {
	if s.Time == nil {
		return nil, nil
	}
	t := &eventTime{path: s.Time.Field}
	var err error
	if t.format, err = expr.ParseTimeFormat(s.Time.Format, zone); err != nil {
		return nil, fmt.Errorf("format: %w", err)
	}
	if t.late, err = newBound(s.Time.Late, s.Time.LatePrefix, keys, zone); err != nil {
		return nil, fmt.Errorf("late_prefix: %w", err)
	}
	if t.early, err = newBound(s.Time.Early, s.Time.EarlyPrefix, keys, zone); err != nil {
		return nil, fmt.Errorf("early_prefix: %w", err)
	}
	return t, nil
}

func newBound(most stream.Duration, source string, keys []string, zone *time.Location) (bound, error) {
	if most == 0 {
		return bound{}, nil
	}
	template, err := expr.Parse(source)
	if err != nil {
		return bound{}, err
	}
	if template = template.WithKeys(keys); template == nil {
		return bound{}, errors.New("a partition key is used that prefix does not use")
	}
	return bound{most: time.Duration(most).Milliseconds(), prefix: template.Evaluator(zone, "")}, nil
}

// choose returns the prefix that a record belongs to and the time to evaluate it at: the record's event time in the one
// given, its arrival in those for what lies beyond a bound. The error's text is for the error output.
func (t *eventTime) choose(prefix *expr.Evaluator, arrival int64, value []byte) (*expr.Evaluator, int64, error) {
	at, err := t.format.Read(value)
	switch {
	case err != nil:
		return nil, 0, errors.New(t.fault(err.Error()))
	case t.late.prefix != nil && arrival-at > t.late.most:
		return t.late.prefix, arrival, nil
	case t.early.prefix != nil && at-arrival > t.early.most:
		return t.early.prefix, arrival, nil
	}
	return prefix, at, nil
}

func (t *eventTime) fault(reason string) string {
	return fmt.Sprintf("the event time (%s) %s", t.path, reason)
}
