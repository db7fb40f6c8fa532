package gateway

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"
)

// What was asked for last holds, whatever the runtime's timer is set to: one that has fired too early, or is set too late.
func TestTheLastDeadlineHolds(t *testing.T) {
	past, future := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	for _, x := range []struct {
		name  string
		asked []time.Time
		late  bool
	}{
		{"past", []time.Time{past}, true},
		{"future", []time.Time{future}, false},
		{"later", []time.Time{past, future}, false},
		{"later and sooner", []time.Time{past, future, past}, true},
		{"sooner", []time.Time{future, past}, true},
		{"none any more", []time.Time{past, {}}, false},
		{"none, then one", []time.Time{{}, past}, true},
		{"again", []time.Time{past, past.Add(time.Minute)}, true},
	} {
		t.Run(x.name, func(t *testing.T) {
			served, peer := bothEnds(t)
			if _, err := peer.Write([]byte("r")); err != nil {
				t.Fatal(err)
			}
			for _, at := range x.asked {
				if err := served.SetDeadline(at); err != nil {
					t.Fatal(err)
				}
			}
			b := make([]byte, 1)
			_, read := served.Read(b)
			_, written := served.Write([]byte("w"))
			for what, err := range map[string]error{"Read": read, "Write": written} {
				if late := errors.Is(err, os.ErrDeadlineExceeded); late != x.late || err != nil && !late {
					t.Errorf("%s: got error %v, want late %v", what, err, x.late)
				}
			}
			if x.late {
				return
			}
			if _, err := peer.Read(b); err != nil || b[0] != 'w' {
				t.Errorf("the peer got %q, error %v", b, err)
			}
		})
	}
}

// bothEnds returns both ends of a connection, the server's as it serves it.
func bothEnds(t *testing.T) (served net.Conn, peer net.Conn) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if peer, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = peer.Close() })
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	served = &conn{Conn: accepted, manners: manners{room: new(room)}}
	t.Cleanup(func() { _ = accepted.Close() })
	return served, peer
}
