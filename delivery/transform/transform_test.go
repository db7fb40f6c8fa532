package transform_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"hydrant/delivery/transform"
	"hydrant/partitioner"
)

// limited echoes records, but refuses a request of more than most records and fails where one of them is huge.
type limited struct {
	most  int
	code  string
	calls int
}

func (l *limited) Invoke(_ context.Context, request []byte) ([]byte, error) {
	l.calls++
	type record struct {
		RecordID string `json:"recordId"`
		Result   string `json:"result"`
		Data     []byte `json:"data"`
	}
	var message struct {
		Records []record `json:"records"`
	}
	if err := json.Unmarshal(request, &message); err != nil {
		return nil, err
	}
	huge := false
	for i := range message.Records {
		message.Records[i].Result = "Ok"
		huge = huge || string(message.Records[i].Data) == "huge"
	}
	if huge || len(message.Records) > l.most {
		return nil, &transform.Error{Class: transform.Failed, Code: l.code, Err: errors.New("too much")}
	}
	return json.Marshal(message)
}

// What is too much for one call is given in halves; only a record that is too large alone fails.
func TestHalves(t *testing.T) {
	for _, code := range []string{transform.AnswerTooLarge, transform.TooLarge} {
		l := &limited{most: 3, code: code}
		var records []transform.Record
		for i := range 20 {
			data := fmt.Append(nil, "r", i)
			if i == 7 {
				data = []byte("huge")
			}
			records = append(records, transform.Record{Data: data, Raw: data})
		}
		f := transform.Function{Invoker: l, Name: "f", Timeout: time.Minute}
		got, err := f.Call(t.Context(), records)
		if err != nil || len(got) != len(records) {
			t.Fatalf("%d outcomes, %v", len(got), err)
		}
		for i, o := range got {
			switch {
			case i == 7 && (o.Code != code || string(o.Raw) != "huge"):
				t.Errorf("the huge record became %+v", o)
			case i != 7 && (o.Result != partitioner.Passed || string(o.Data) != string(records[i].Data)):
				t.Errorf("%s became %+v", records[i].Data, o)
			}
		}
	}
}

// A request that would be above the limit is not made.
func TestRequestAboveTheLimit(t *testing.T) {
	l := &limited{most: 100}
	large := []byte(strings.Repeat("x", transform.MaxPayload/2))
	f := transform.Function{Invoker: l, Name: "f", Timeout: time.Minute}
	got, err := f.Call(t.Context(), []transform.Record{{Data: large}, {Data: large}, {Data: append(large, large...), Raw: []byte("raw")}})
	if err != nil || l.calls != 2 || got[0].Result != partitioner.Passed || got[1].Result != partitioner.Passed ||
		got[2].Code != transform.TooLarge || string(got[2].Raw) != "raw" {
		t.Errorf("%d calls, %v", l.calls, err)
	}
}
