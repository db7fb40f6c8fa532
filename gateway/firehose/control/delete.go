package control

import (
	"context"
	"encoding/json"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/firehose/schemas"
)

// delete ends a stream: it takes no more records at once, and is gone when what it held is given up, as AWS does, or is
// delivered, where the call has Hydrant's own member HydrantDrain. Called again it gives up what is still being delivered.
func (p *Plane) delete(ctx context.Context, in *firehose.DeleteDeliveryStreamInput, c call) (output, error) {
	name := *in.DeliveryStreamName
	if err := c.May(name); err != nil {
		return output{}, err
	}
	how := discarding
	var extension struct{ HydrantDrain bool }
	if err := json.Unmarshal(c.Body, &extension); err != nil {
		return output{}, invalidArgument("HydrantDrain must be true or false.")
	}
	if extension.HydrantDrain {
		how = draining
	}
	p.changing.Lock()
	defer p.changing.Unlock()
	before, err := p.find(name)
	if err != nil {
		return output{}, err
	}
	if before.Leaving != discarding && before.Leaving != how {
		after := *before
		after.Leaving = how
		if err := p.replace(ctx, before, &after); err != nil {
			return output{}, err
		}
		p.deps.Log.Info("a stream is deleted through the API", "stream", name, "records", string(how))
	}
	select {
	case p.leaving <- struct{}{}:
	default:
	}
	return output{new(firehose.DeleteDeliveryStreamOutput), schemas.DeleteDeliveryStreamOutput}, nil
}

// leavingLook is the pause between two looks at streams that are being deleted.
const leavingLook = 50 * time.Millisecond

// Run finishes what Delete begins, also what another process began, until ctx ends.
func (p *Plane) Run(ctx context.Context) {
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
			timer.Reset(leavingLook)
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
	if r.Leaving == draining && p.deps.Node.Drain(name) > 0 {
		return false, nil
	}
	if done, err := p.deps.Node.Discard(ctx, name); err != nil || !done {
		return false, err
	}
	if err := p.remove(ctx, r); err != nil {
		return false, err
	}
	p.deps.Log.Info("a stream is gone", "stream", name)
	return true, nil
}
