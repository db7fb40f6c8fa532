package control

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/firehose/schemas"

	"hydrant/gateway/ingest"
)

// delete ends a stream: it takes no more records at once, and is gone when what it held is given up, as AWS does, or is
// delivered, where the call has Hydrant's own member HydrantDrain. Called again it gives up what is still being delivered.
// Of a stream that is not defined any more a call with HydrantDrain says what is left, and with a false one gives that up.
func (p *Plane) delete(ctx context.Context, in *firehose.DeleteDeliveryStreamInput, c call) (output, error) {
	name := *in.DeliveryStreamName
	if err := c.May(name); err != nil {
		return output{}, err
	}
	how := discarding
	var extension struct{ HydrantDrain *bool }
	if err := json.Unmarshal(c.Body, &extension); err != nil {
		return output{}, invalidArgument("HydrantDrain must be true or false.")
	}
	if drain := extension.HydrantDrain; drain != nil && *drain {
		how = draining
	}
	p.changing.Lock()
	defer p.changing.Unlock()
	err := again(func() error { return p.leave(ctx, name, how) })
	var refusal *ingest.Error
	if extension.HydrantDrain != nil && errors.As(err, &refusal) && refusal.Code == ingest.StreamNotFound {
		err = p.giveUp(ctx, name, how, err)
	}
	if err != nil {
		return output{}, err
	}
	p.wakeLeaving()
	return output{new(firehose.DeleteDeliveryStreamOutput), schemas.DeleteDeliveryStreamOutput}, nil
}

// giveUp has the node give up a stream that is not defined any more, as one taken out of the configuration file whose store
// is gone for good. Of one that the node does not hold it returns notFound.
func (p *Plane) giveUp(ctx context.Context, name string, how leaving, notFound error) error {
	records, held := p.deps.Node.Undefined(name)
	switch {
	case !held:
		return notFound
	case how == draining:
		return inUse("Firehose %s is not defined any more, and this node delivers what it holds: records that are not delivered yet: %d. "+
			"hydrant streams delete %s --force gives them up: they are lost then.", name, records, name)
	}
	if _, err := p.deps.Node.Discard(ctx, name, ""); err != nil {
		return err
	}
	p.deps.Log.Warn("a stream that is not defined any more is given up by an operator: its records are lost", "stream", name, "records", records)
	return nil
}

// wakeLeaving has Run look at what is being deleted.
func (p *Plane) wakeLeaving() {
	select {
	case p.leaving <- struct{}{}:
	default:
	}
}

// leave keeps that a stream is being deleted, and has the node serve it no more.
func (p *Plane) leave(ctx context.Context, name string, how leaving) error {
	before, err := p.find(name)
	if err != nil || before.Leaving == discarding || before.Leaving == how {
		return err
	}
	after := *before
	after.Leaving = how
	if err := p.replace(ctx, before, &after); err != nil {
		return err
	}
	p.deps.Log.Info("a stream is deleted through the API", "stream", name, "records", string(how))
	return nil
}

// The pause between two looks at streams that are being deleted, which in a fleet takes longer.
const (
	leavingLook      = 50 * time.Millisecond
	leavingLookFleet = 500 * time.Millisecond
)

// Run finishes what Delete begins, also what another process began, and in a fleet looks at what other nodes change, until
// ctx ends.
func (p *Plane) Run(ctx context.Context) {
	pause := leavingLook
	if p.fleet.shared != nil {
		pause = leavingLookFleet
		var looking sync.WaitGroup
		looking.Go(func() { p.keepLooking(ctx) })
		defer looking.Wait()
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-p.leaving:
		case <-ctx.Done():
			return
		}
		if p.finishLeaving(ctx) > 0 {
			timer.Reset(pause)
		}
	}
}

// finishLeaving takes each stream that is being deleted a step further, and returns how many are left.
func (p *Plane) finishLeaving(ctx context.Context) (left int) {
	for _, r := range p.all() {
		if r.Leaving == "" {
			continue
		}
		gone, err := p.finish(ctx, r.Name)
		if err != nil && ctx.Err() == nil {
			p.deps.Log.Warn("a stream cannot be deleted yet; trying again", "stream", r.Name, "reason", err)
		}
		if !gone {
			left++
		}
	}
	return left
}

func (p *Plane) finish(ctx context.Context, name string) (gone bool, err error) {
	p.changing.Lock()
	defer p.changing.Unlock()
	r := p.record(name)
	if r == nil || r.Leaving == "" {
		return true, nil
	}
	done := r.Leaving != draining || p.deps.Node.Drain(name) == 0
	if done {
		if done, err = p.deps.Node.Discard(ctx, name, r.Incarnation); err != nil {
			return false, err
		}
	}
	if p.fleet.shared != nil {
		if done, err = p.othersDone(ctx, r, done); err != nil {
			return false, err
		}
	}
	if !done {
		return false, nil
	}
	if err := p.remove(ctx, r); err != nil {
		return false, err
	}
	p.deps.Log.Info("a stream is gone", "stream", name)
	return true, nil
}
