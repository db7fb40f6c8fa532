package delivery_test

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"hydrant/buffer"
	"hydrant/delivery/deliverytest"
	"hydrant/stream"
)

// TestRandomStringsSurviveAKill ends a life while its only object is being uploaded: the next one uploads it under the
// same key, random strings and all, and records of one partition share an object.
func TestRandomStringsSurviveAKill(t *testing.T) {
	w := newWorld(t, func(s *stream.Stream) {
		s.Prefix = "key=!{partitionKeyFromQuery:key}/!{firehose:random-string}/"
		s.Buffering.Interval = stream.Duration(time.Millisecond)
	})
	tried := make(chan string, 1)
	w.objects.Hook(deliverytest.Create, func(ctx context.Context, key string) error {
		tried <- key
		<-ctx.Done()
		return ctx.Err()
	})
	w.append(record("a", 1), record("a", 2))
	w.start()
	key := <-tried
	w.kill()
	w.objects.Hook(deliverytest.Create, nil)
	w.start()
	w.drain()
	w.want(`key=a {"key":"a","n":1}`, `key=a {"key":"a","n":2}`)
	if keys := w.objects.Keys(); len(keys) != 1 || keys[0] != key {
		t.Errorf("got %q, want the key of the first attempt, %q", keys, key)
	}
	if !regexp.MustCompile(`^key=a/[A-Za-z0-9_-]{11}/s-1-`).MatchString(key) {
		t.Errorf("got %q, want a random string between key and file name", key)
	}
}

// TestEventTimesAreDelivered has a record in each place that a time can put it, and the arrival in every file name.
func TestEventTimesAreDelivered(t *testing.T) {
	arrival := time.Date(2025, 7, 11, 14, 34, 9, 0, time.UTC)
	w := newWorld(t, func(s *stream.Stream) {
		s.Prefix, s.PartitionKeys = "dt=!{timestamp:yyyy-MM-dd}/", nil
		s.Time = &stream.Time{Field: ".ts", Late: stream.Duration(48 * time.Hour), Early: stream.Duration(time.Hour)}
		s.Compression = "none"
	})
	w.log.Now = func() time.Time { return arrival }
	at := func(hours int) string {
		return fmt.Sprintf(`{"ts":%q}`, arrival.Add(time.Duration(hours)*time.Hour).Format(time.RFC3339))
	}
	w.append(at(0), at(-24), at(-49), at(2), `{"ts":"yesterday"}`)
	w.start()
	w.drain()
	var got []string
	for _, key := range w.objects.Keys() {
		prefix, file, _ := strings.Cut(key, "/s-1-")
		got = append(got, prefix)
		if !strings.HasPrefix(file, "2025-07-11-14-34-09-") {
			t.Errorf("%s does not tell the arrival", key)
		}
	}
	want := "dt=2025-07-10 dt=2025-07-11 early/s/2025/07/11/14 errors/s/processing-failed/2025/07/11/14 late/s/2025/07/11/14"
	if strings.Join(got, " ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, " "), want)
	}
	if books := w.service.Books()["s"]; books.Settled() != 5 {
		t.Errorf("the books say %+v, want 5 records settled", books)
	}
	w.look(func(l buffer.Lane) {
		if cursor := l.Info().Cursor; cursor != 5 {
			t.Errorf("the cursor is at %d, want 5", cursor)
		}
	})
}
