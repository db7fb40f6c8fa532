package delivery

import (
	"context"
	"errors"
	"testing"
	"time"
)

// oneRecord keeps a record that a stranger may have written.
type oneRecord struct{ data []byte }

func (r *oneRecord) LoadRecord(context.Context, string) ([]byte, string, error) {
	return r.data, "tag", nil
}

func (r *oneRecord) StoreRecord(_ context.Context, _, _ string, data []byte) error {
	r.data = data
	return nil
}

func (r *oneRecord) RecordPlace(name string) string { return "the record " + name }

// Whatever lies in the lease's place, it is ours afterwards, or the reason is told.
func FuzzLease(f *testing.F) {
	for _, text := range []string{
		"", "null", "{}", `{"log":"l"}`, `{"log":"l","epoch":18446744073709551615,"life":"other"}`, `{"log":"l","epoch":1,"life":"other","released":true}`,
		`{"log":"l","life":"ours","renewals":18446744073709551615}`, `{"log":"l","epoch":-1}`,
	} {
		f.Add([]byte(text), false)
	}
	f.Fuzz(func(t *testing.T, data []byte, refused bool) {
		keeper := &oneRecord{data}
		l := &lease{keeper: keeper, place: "p", now: time.Now, ours: LeaseRecord{Log: "l", Epoch: 2, Life: "ours", Node: "n"}}
		err := l.check(t.Context(), refused)
		var lost *LeaseError
		var held *Error
		switch {
		case err == nil && !l.held:
			t.Errorf("%q: no lease, and no reason", data)
		case err != nil && !errors.As(err, &lost) && !errors.As(err, &held):
			t.Errorf("%q: %v", data, err)
		}
		l.release(t.Context())
	})
}

// Books that are read are written again as they were.
func FuzzTotals(f *testing.F) {
	for _, text := range []string{"", "{}", `{"delivered":1,"errors":{"a":2},"cursor":9}`, `{"cursor":-1}`, `{"errors":null}`, "[]"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var l, again lane
		if l.totals.decode(data) != nil {
			return
		}
		written := l.totalsEntry()
		if err := again.totals.decode(written.Value); err != nil {
			t.Fatal(err)
		}
		if rewritten := again.totalsEntry(); string(rewritten.Value) != string(written.Value) {
			t.Errorf("%s became %s", written.Value, rewritten.Value)
		}
		_ = l.totals.plus(again.totals)
	})
}
