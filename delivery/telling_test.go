package delivery

import (
	"testing"
	"time"
)

func TestFailuresAreToldNowAndThen(t *testing.T) {
	var told telling
	start := time.Now()
	for _, x := range []struct {
		code  string
		after time.Duration
		want  int64 // 0: not told
	}{
		{"S3.SlowDown", 0, 1},
		{"S3.SlowDown", time.Second, 0},
		{"S3.SlowDown", tellEvery - 1, 0},
		{"S3.SlowDown", tellEvery, 3},
		{"S3.NoSuchBucket", tellEvery + 1, 1}, // another kind
		{"S3.NoSuchBucket", tellEvery + 2, 0},
		{"S3.NoSuchBucket", 3 * tellEvery, 2},
	} {
		if got, tell := told.fails(x.code, start.Add(x.after)); got != x.want || tell != (x.want > 0) {
			t.Errorf("%s after %v: told %v of %d failures, want %d", x.code, x.after, tell, got, x.want)
		}
	}
}
