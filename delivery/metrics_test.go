package delivery_test

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"hydrant/delivery"
)

// What may rise once and stand still is exported from the start: an alert sees an increase, not a series that begins at 1.
func TestCountersOfTroubleBeginAtZero(t *testing.T) {
	w := newWorld(t, nil)
	registry := prometheus.NewRegistry()
	w.metrics = delivery.NewMetrics(registry)
	w.start()
	w.drain()
	wantMetrics(t, registry, map[string]float64{"hydrant_superseded_objects_total": 0})
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var classes []string
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "hydrant_upload_failures_total" && m.GetCounter().GetValue() == 0 {
				classes = append(classes, m.GetLabel()[0].GetValue())
			}
		}
	}
	if len(classes) != 2 || classes[0] != "conflict" || classes[1] != "held" {
		t.Errorf("failures begin at 0 in the classes %v, want conflict and held", classes)
	}
}
