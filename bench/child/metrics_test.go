package child

import "testing"

func TestMetrics(t *testing.T) {
	got, err := parseMetrics("# HELP a b\na{x=\"1\"} 2\na{x=\"2 3\"} 3\nb 1.5e+06\n\n")
	if err != nil || got["a"] != 5 || got["b"] != 1_500_000 || len(got) != 2 {
		t.Errorf("got %v %v", got, err)
	}
	if _, err := parseMetrics("a b\n"); err == nil {
		t.Error("a word is taken for a number")
	}
}
