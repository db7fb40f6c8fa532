package delivery_test

import (
	"context"
	"strings"
	"testing"

	"hydrant/buffer"
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
	id, hanging := buffer.NewStreamID(), w.def
	hanging.Name, hanging.Prefix, hanging.Transform = "hanging", "hanging/", nil
	if _, err := w.log.Define(t.Context(), buffer.Definition{Stream: id, Name: hanging.Name, Logic: 1, Data: hanging.Encode()}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.log.Append(t.Context(), buffer.Batch{Stream: id, Records: [][]byte{[]byte("x")}}); err != nil {
		t.Fatal(err)
	}
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
