package suite

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestMedian(t *testing.T) {
	for want, values := range map[float64][]float64{
		0:   nil,
		7:   {7},
		2.5: {4, 1},
		3:   {9, 3, 1},
		2:   {100, 1, 2, 2, -5},
	} {
		if got := median(values); got != want {
			t.Errorf("of %v: got %v, want %v", values, got, want)
		}
	}
}

// Half of the values lie on either side of the median, and it leaves them alone.
func TestMedianIsInTheMiddle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(-1e9, 1e9), 1, 20).Draw(t, "values")
		before := slices.Clone(values)
		m := median(values)
		below, above := 0, 0
		for _, v := range values {
			if v < m {
				below++
			}
			if v > m {
				above++
			}
		}
		if 2*below > len(values) || 2*above > len(values) {
			t.Fatalf("%v of %v: %d below, %d above", m, values, below, above)
		}
		if !slices.Equal(values, before) {
			t.Fatalf("the values became %v", values)
		}
	})
}

func TestMediansOfEachFigure(t *testing.T) {
	got := medians([]Side{
		{Name: "node", Figures: Figures{megabytesPS: 10, ackP99: 3}},
		{Name: "node", Figures: Figures{megabytesPS: 30, ackP99: 1}},
		{Name: "node", Figures: Figures{megabytesPS: 20}},
	})
	want := Side{Name: "node", Figures: Figures{megabytesPS: 20, ackP99: 2}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestRatioIsNeverInfinite(t *testing.T) {
	if got := ratio(1, 0); got != 0 {
		t.Errorf("1/0 is %v", got)
	}
	if got := ratio(1, 4); got != 0.25 {
		t.Errorf("1/4 is %v", got)
	}
}

// What is measured but not in the list of figures would be lost.
func TestEveryFigureIsShown(t *testing.T) {
	keys := map[string]bool{}
	for _, f := range shown {
		if keys[f.key] || f.label == "" {
			t.Errorf("%s is listed twice, or has no name", f.key)
		}
		keys[f.key] = true
	}
	for _, r := range rows() {
		for _, target := range r.targets() {
			if v := target.of(Sample{}); v != 0 && !math.IsNaN(v) {
				t.Errorf("%s: %s of nothing is %v", r.name(), target.measure, v)
			}
		}
	}
}
