package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestRunIsAccountedFor makes a load on a gateway that does everything to its requests, and verifies what it stored.
func TestRunIsAccountedFor(t *testing.T) {
	treatments := []treatment{
		{},
		{lose: true, status: 503, body: `{"code":"overload"}`},
		{},
		{cut: true},
		{lose: true, cut: true},
		{status: 500},
		{},
		{lose: true, status: 400},
	}
	for _, c := range []struct {
		name, api string
		batch     int
	}{{"native object", Native, 1}, {"NDJSON", Native, 7}, {"PutRecord", Firehose, 1}, {"PutRecordBatch", Firehose, 7}} {
		t.Run(c.name, func(t *testing.T) {
			g := newFakeGateway(t, func(number int) treatment { return treatments[number%len(treatments)] })
			o := testOptions(g.URL)
			o.API, o.Batch, o.Records, o.Connections = c.api, c.batch, int64(16*c.batch), 4
			o.Ledger = filepath.Join(t.TempDir(), "ledger")
			report, err := Run(t.Context(), o, nil)
			if err != nil {
				t.Fatal(err)
			}
			// Of each 8 requests 3 are acked, 2 refused and 3 unknown, of which 2 are stored.
			b := int64(2 * c.batch)
			if got, want := [3]int64{report.Acked, report.Refused, report.Unknown}, [3]int64{3 * b, 2 * b, 3 * b}; got != want {
				t.Errorf("acked, refused, unknown: got %v, want %v", got, want)
			}
			if report.Requests != 16 {
				t.Errorf("requests: got %d, want 16", report.Requests)
			}
			v := verifyIn(t, g.objects(), o.Ledger, VerifyOptions{})
			if !v.OK() || v.Acked != 3*b || v.Refused != 2*b || v.Unknown != 3*b || v.Found != 5*b || v.UnknownFound != 2*b || v.Foreign != 0 {
				t.Errorf("verdict: got %+v", v)
			}
		})
	}
}

func TestConnectionsTakeTurnsWithGateways(t *testing.T) {
	o := testOptions("http://one:1")
	o.URL = append(o.URL, "https://two")
	for producer, want := range []string{"one:1", "two:443", "one:1"} {
		c, err := connect(o, producer)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.client.Addr; got != want {
			t.Errorf("producer %d: got %s, want %s", producer, got, want)
		}
	}
}

// TestRunOutlivesItsGateway begins with nobody there, as a crash test does.
func TestRunOutlivesItsGateway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		back := time.Now().Add(3 * time.Second)
		report := runFake(t, Options{Duration: 5 * time.Second, Connections: 2}, func(int) answer {
			if time.Now().Before(back) {
				return answer{parts: []part{{1, refused, "no connection"}}}
			}
			<-time.After(time.Millisecond)
			return answer{parts: []part{{records: 1}}}
		})
		if report.Refused < 4 || report.Refused > 20 {
			t.Errorf("got %d attempts in 3 s of 2 producers, want a few", report.Refused)
		}
		if report.Acked < 500 {
			t.Errorf("got %d acked after it came back, want hundreds", report.Acked)
		}
	})
}

// runFake runs a load in a bubble's time; exchange stands for the network and the gateway.
func runFake(t *testing.T, o Options, exchange func(number int) answer) *Report {
	t.Helper()
	report, err := newFakeLoad(t, o, exchange).run(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// newFakeLoad prepares what runFake runs.
func newFakeLoad(t *testing.T, o Options, exchange func(number int) answer) *load {
	t.Helper()
	defaults := testOptions("http://fake")
	o.URL, o.Stream, o.API, o.Size = defaults.URL, defaults.Stream, defaults.API, defaults.Size
	o.Keys, o.Timeout = defaults.Keys, defaults.Timeout
	o.Batch = max(o.Batch, 1)
	l, err := newLoad(o.bounded())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range l.producers {
		number := 0
		p.exchange = func([]byte, int) answer {
			number++
			return exchange(number - 1)
		}
	}
	return l
}

// stallOnce answers in 100 microseconds, but takes 200 ms for one request in the middle.
func stallOnce(number int) answer {
	wait := 100 * time.Microsecond
	if number == 1000 {
		wait = 200 * time.Millisecond
	}
	<-time.After(wait)
	return answer{parts: []part{{records: 1}}}
}

// TestOpenLoopShowsAStall: a gateway that stands still for 200 ms makes all requests late that were due meanwhile. They
// are 222 of 2,000 (those due in the stall, and those due while they are made up for), not one.
func TestOpenLoopShowsAStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := runFake(t, Options{Rate: 1000, Duration: 2 * time.Second, Connections: 1}, stallOnce).Measured
		if m.Requests != 2000 || m.Unsent != 0 {
			t.Errorf("got %d requests and %d unsent, want all 2,000", m.Requests, m.Unsent)
		}
		for _, c := range []struct {
			name     string
			got      float64
			from, to float64
		}{
			{"p50", m.Latency.P50, 0.09, 0.11},
			{"p90", m.Latency.P90, 15, 25},
			{"p99", m.Latency.P99, 180, 184},
			{"max", m.Latency.Max, 199, 201},
			{"behind", m.Behind, 198, 200},
		} {
			if c.got < c.from || c.got > c.to {
				t.Errorf("%s: got %.2f ms, want %.2f to %.2f", c.name, c.got, c.from, c.to)
			}
		}
	})
}

// TestClosedLoopHidesAStall is why there is an open loop.
func TestClosedLoopHidesAStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := runFake(t, Options{Duration: 2 * time.Second, Connections: 1}, stallOnce).Measured
		if m.Latency.P99 > 0.11 || m.Latency.Max < 199 {
			t.Errorf("got p99 %.2f ms and max %.2f ms, want 0.1 and 200", m.Latency.P99, m.Latency.Max)
		}
	})
}

// TestOpenLoopOwesWhatItCouldNotSend: a gateway that never comes back leaves half of the schedule unsent.
func TestOpenLoopOwesWhatItCouldNotSend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := runFake(t, Options{Rate: 1000, Duration: 2 * time.Second, Connections: 4}, func(number int) answer {
			if number == 250 {
				<-time.After(time.Hour)
			}
			return answer{parts: []part{{records: 1}}}
		}).Measured
		if m.Requests != 1004 || m.Unsent != 996 {
			t.Errorf("got %d sent and %d unsent, want 1,004 and 996", m.Requests, m.Unsent)
		}
	})
}

func TestWarmupIsNotMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := Options{Rate: 1000, Warmup: time.Second, Duration: 2 * time.Second, Connections: 1}
		report := runFake(t, o, func(number int) answer {
			if number < 900 {
				<-time.After(time.Millisecond)
			}
			return answer{parts: []part{{records: 1}}}
		})
		if report.Acked != 3000 || report.Measured.Records != 2000 {
			t.Errorf("got %d acked, %d of them measured, want 3,000 and 2,000", report.Acked, report.Measured.Records)
		}
		if report.Measured.Latency.Max > 0.5 {
			t.Errorf("got a latency of %.2f ms, which is the warm-up's", report.Measured.Latency.Max)
		}
	})
}

func TestProducerPauses(t *testing.T) {
	no := answer{parts: []part{{records: 1}, {records: 1, outcome: refused}}}
	for _, c := range []struct {
		name    string
		answers []answer
		want    time.Duration // with up to a quarter more
	}{
		{"after a success", []answer{{parts: []part{{records: 1}}}}, 0},
		{"after a failure", []answer{no}, firstPause},
		{"after the third", []answer{no, no, no}, 4 * firstPause},
		{"after many", []answer{no, no, no, no, no, no, no, no, no}, longestPause},
		{"after a failure that comes after a success", []answer{no, no, {parts: []part{{records: 1}}}, no}, firstPause},
		{"as long as the gateway asks", []answer{{parts: no.parts, retryAfter: 7 * time.Second}}, 7 * time.Second},
		{"no shorter than its own", []answer{{parts: no.parts, retryAfter: time.Nanosecond}}, firstPause},
	} {
		p, got := &producer{}, time.Duration(0)
		for _, a := range c.answers {
			got = p.pauseAfter(a)
		}
		if got < c.want || got > c.want+c.want/4 {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestInterruptedRunReports(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	g := newFakeGateway(t, func(number int) treatment {
		if number == 20 {
			cancel()
		}
		return treatment{}
	})
	o := testOptions(g.URL)
	o.Duration, o.Ledger = time.Hour, filepath.Join(t.TempDir(), "ledger")
	report, err := Run(ctx, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	if report.Acked < 21 || report.Unknown != 0 {
		t.Errorf("got %d acked and %d unknown: the answer under way was not awaited", report.Acked, report.Unknown)
	}
	if v := verifyIn(t, g.objects(), o.Ledger, VerifyOptions{}); !v.OK() || v.Acked != report.Acked {
		t.Errorf("verdict: got %+v", v)
	}
}

// TestRunStopsWithoutItsLedger: once the ledger cannot be written nothing more is sent. What is under way is awaited, and
// who waits for a slot sends nothing at all.
func TestRunStopsWithoutItsLedger(t *testing.T) {
	for _, c := range []struct {
		name     string
		rate     float64
		requests int64
	}{{"all under way", 0, 3}, {"the others wait for their slots", 1e-3, 1}} {
		t.Run(c.name, func(t *testing.T) {
			o := Options{Rate: c.rate, Duration: time.Hour, Connections: 3, Ledger: filepath.Join(t.TempDir(), "ledger")}
			synctest.Test(t, func(t *testing.T) {
				l := newFakeLoad(t, o, func(int) answer {
					<-time.After(time.Second)
					return answer{parts: []part{{records: 1}}}
				})
				if err := l.ledger.file.Close(); err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				report, err := l.run(t.Context(), nil)
				if !errors.Is(err, os.ErrClosed) {
					t.Errorf("got %v, want that the ledger cannot be written", err)
				}
				if took := time.Since(start); report.Requests != c.requests || took != time.Second {
					t.Errorf("got %d requests in %v, want %d in the second that one takes", report.Requests, took, c.requests)
				}
			})
		})
	}
}

func TestLedgerIsWrittenBeforeTheNextRequest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	g := newFakeGateway(t, func(number int) treatment {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
		}
		if got, want := bytes.Count(text, []byte("\n")), 1+number; got != want {
			t.Errorf("request %d came with %d lines in the ledger, want %d", number, got, want)
		}
		return treatment{}
	})
	o := testOptions(g.URL)
	o.Records, o.Ledger = 10, path
	if _, err := Run(t.Context(), o, nil); err != nil {
		t.Fatal(err)
	}
}

func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := testOptions("http://fake")
		o.Duration, o.Rate = 2500*time.Millisecond, 99.7 // no request is due when a line is
		l, err := newLoad(o)
		if err != nil {
			t.Fatal(err)
		}
		l.producers[0].exchange = func([]byte, int) answer { return answer{parts: []part{{records: 1}}} }
		var progress bytes.Buffer
		if _, err := l.run(t.Context(), &progress); err != nil {
			t.Fatal(err)
		}
		got := strings.Split(progress.String(), "\n")
		if len(got) != 3 || !strings.HasPrefix(got[1], "   2s  100 req/s  100 records/s  0.0 MB/s  acked 200  ") {
			t.Errorf("got %q, want two lines", got)
		}
	})
}

func TestReportAsTextAndJSON(t *testing.T) {
	g := newFakeGateway(t, func(number int) treatment {
		if number%2 == 1 {
			return treatment{lose: true, status: 404, body: `{"code":"stream_not_found","detail":"no stream demo"}`}
		}
		return treatment{}
	})
	o := testOptions(g.URL)
	o.Records = 4
	report, err := Run(t.Context(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	var text, packed bytes.Buffer
	if err := errors.Join(report.WriteText(&text), report.WriteJSON(&packed)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"acked 2, refused 2, unknown 0 records in 4 requests", "refused 2: 404 stream_not_found (no stream demo)",
		"closed loop", "p99.9",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
	var back Report
	if err := json.Unmarshal(packed.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(report, &back); diff != "" {
		t.Errorf("JSON and back (-want +got):\n%s", diff)
	}
}
