package delivery_test

import (
	"context"
	"strings"
	"testing"

	"hydrant/delivery/deliverytest"
)

// A stream whose destination hangs keeps what another one's function made from being drained no more than anything else.
func TestDrainOfDerivedWaitsForItsOwnSourceOnly(t *testing.T) {
	w := newFunctionWorld(t, shout, nil)
	w.objects.Hook(deliverytest.Create, func(ctx context.Context, key string) error {
		if strings.HasPrefix(key, "hanging/") {
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	})
	hanging := w.def
	hanging.Name, hanging.Prefix, hanging.Transform = "hanging", "hanging/", nil
	w.appendTo(w.beside(hanging), "x")
	w.append("a")
	w.start()
	w.eventually("all are served", func() bool { return len(w.service.Books()) == 2 })
	ctx, cancel := context.WithCancel(t.Context())
	drained := make(chan error)
	go func() { drained <- w.service.Drain(ctx, &w.log) }()
	w.eventually("what the function made is delivered", func() bool { return len(w.objects.Keys()) == 1 })
	cancel()
	if err := <-drained; err == nil {
		t.Error("a stream that hangs counts as drained")
	}
	wantTexts(t, w, "k=a A")
}
