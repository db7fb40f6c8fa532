package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/dustin/go-humanize"
)

// Plan is what a replay is about to do.
type Plan struct {
	Objects int64 `json:"objects"` // to be replayed
	Bytes   int64 `json:"bytes"`   // of them, as stored
	Begun   int64 `json:"begun"`   // of the objects: an earlier run has sent a part
	Before  int64 `json:"before"`  // objects replayed before
	Outside int64 `json:"-"`       // objects before or behind the time range
	Unnamed int64 `json:"-"`       // objects without a time in their name, where there is a time range

	Counted bool             `json:"counted"` // the objects were read, for what follows
	Records int64            `json:"records"` // to be sent
	Payload int64            `json:"payload"` // of them, in bytes
	Codes   map[string]int64 `json:"codes"`   // records by the reason for which they were in the error output

	todo []Object
}

// plan finds the originals. They are listed before the first one is sent: what the replay itself brings forth is not its business.
func (r *run) plan(ctx context.Context) (*Plan, error) {
	p := &Plan{Codes: map[string]int64{}}
	err := r.options.Source.List(ctx, func(o Object) error {
		if keys := r.options.Selection.Keys; keys != nil && !keys.MatchString(o.Key) {
			return nil
		}
		if !r.options.Selection.all() {
			at, named := r.options.Selection.timeOf(o.Key)
			if !named {
				p.Unnamed++
				return nil
			}
			if !r.options.Selection.selects(at) {
				p.Outside++
				return nil
			}
		}
		p.todo = append(p.todo, o)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the objects: %w", err)
	}
	slices.SortFunc(p.todo, func(a, b Object) int { return cmp.Compare(a.Key, b.Key) })
	for _, o := range p.todo {
		if err := r.weigh(ctx, p, o); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// weigh adds an object to the plan.
func (r *run) weigh(ctx context.Context, p *Plan, o Object) error {
	m, _, err := r.marks.load(ctx, o.Key)
	switch {
	case err != nil:
		return fmt.Errorf("object %s: read its mark: %w", o.Key, err)
	case m != nil && m.complete() && m.Object == o:
		p.Before++
		return nil
	case m != nil:
		p.Begun++
	}
	p.Objects++
	p.Bytes += o.Size
	return nil
}

// count reads all that is to be sent. What cannot be read is told and not counted.
func (r *run) count(ctx context.Context, p *Plan) error {
	p.Counted = true
	for _, o := range p.todo {
		m, _, err := r.marks.load(ctx, o.Key)
		if err != nil {
			return fmt.Errorf("object %s: read its mark: %w", o.Key, err)
		}
		if m == nil {
			m = newMark(o, r.options.Form.name())
		}
		if m.complete() && m.Object == o {
			continue
		}
		if err = m.fits(o, r.options.Form.name()); err == nil {
			err = r.countObject(ctx, p, o, *m)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			r.fault(o, err)
		}
	}
	return nil
}

func (r *run) countObject(ctx context.Context, p *Plan, o Object, m mark) error {
	m.begin()
	return r.read(ctx, o, func(records *reader) error {
		for {
			number := records.number
			one, err := records.next()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			if holds(m.Left, number) {
				p.Records++
				p.Payload += int64(len(one.data))
				p.Codes[one.code]++
			}
		}
	})
}

// useless are reasons that lie in a record itself: another partition key does not help.
var useless = map[string]string{
	"Decompression.InvalidGzip":             "it is not compressed: only a stream without processing.decompression takes it",
	"Decompression.TooLarge":                "it is too large when decompressed: only a stream without processing.decompression takes it",
	"CloudWatchLogProcessing.InvalidRecord": "it is no message of CloudWatch Logs: only a stream without processing.cloudwatch_logs takes it",
	"RecordDeAggregation.InvalidJson":       "it is not JSON: only a stream without processing.deaggregation of type json takes it",
	"RecordDeAggregation.TooManyRecords":    "it holds too many records to be taken apart",
	"Processing.TooManyFailures":            "useful only if most of the records in it can be partitioned now",
}

// WriteText writes the plan for people.
func (p *Plan) WriteText(to io.Writer) error {
	text := fmt.Sprintf("to replay: %s objects, %s as stored", humanize.Comma(p.Objects), humanize.IBytes(uint64(p.Bytes)))
	if p.Begun > 0 {
		text += fmt.Sprintf("; %s of them were begun before and go on where they ended", humanize.Comma(p.Begun))
	}
	text += fmt.Sprintf("\nreplayed before: %s objects\n", humanize.Comma(p.Before))
	if p.Objects+p.Before+p.Outside+p.Unnamed == 0 {
		text += "no object lies there: is it the right bucket or directory, and the right prefix?\n"
	}
	if p.Outside > 0 || p.Unnamed > 0 {
		text += fmt.Sprintf("left out: %s objects outside the time range, %s without a time in their name\n", humanize.Comma(p.Outside), humanize.Comma(p.Unnamed))
	}
	if p.Counted {
		text += fmt.Sprintf("records: %s, %s\n", humanize.Comma(p.Records), humanize.IBytes(uint64(p.Payload)))
	}
	for _, code := range slices.Sorted(maps.Keys(p.Codes)) {
		if code == "" {
			continue
		}
		text += fmt.Sprintf("  %s  %s", humanize.Comma(p.Codes[code]), code)
		if advice := useless[code]; advice != "" {
			text += "; will fail again unless the definition has changed: " + advice
		}
		text += "\n"
	}
	_, err := io.WriteString(to, text)
	return err
}
