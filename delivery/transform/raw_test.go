package transform_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"hydrant/delivery/transform"
	"hydrant/partitioner"
	"hydrant/stream"
)

// answering is a function that gives one answer, or one error.
type answering struct {
	answer string
	err    error
}

func (a answering) Invoke(ctx context.Context, _ []byte) ([]byte, error) {
	if a.answer == "hang" {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return []byte(a.answer), a.err
}

// Whatever a function does wrong with a record of any bytes, its line of error output holds the bytes that came in.
func TestErrorOutputOfFunctions(t *testing.T) {
	p, err := partitioner.New(stream.Stream{
		Name: "s", Prefix: "!{partitionKeyFromLambda:k}/", ErrorPrefix: "e/!{firehose:error-output-type}/",
		Destination: stream.Destination{Directory: &stream.Directory{Path: "/o"}},
	}.WithDefaults())
	if err != nil {
		t.Fatal(err)
	}
	one := func(rest string) answering {
		return answering{answer: fmt.Sprintf(`{"records":[{"recordId":"%056d",%s}]}`, 0, rest)}
	}
	fails := func(code string) answering {
		return answering{err: &transform.Error{Class: transform.Failed, Code: code, Err: errors.New("a \"text\"\n\x00\xff of somebody's")}}
	}
	for want, f := range map[string]answering{
		"Lambda.FunctionError":           fails(transform.FunctionError),
		"Lambda.ResponseTooLarge":        fails(transform.AnswerTooLarge),
		"Lambda.RequestTooLarge":         fails(transform.TooLarge),
		"Lambda.FunctionRequestTimedOut": {answer: "hang"},
		"Lambda.JsonProcessingException": {answer: "<html>"},
		"Lambda.MissingRecordId":         {answer: `{"records":[]}`},
		"Lambda.DuplicatedRecordId":      {answer: fmt.Sprintf(`{"records":[{"recordId":"%056d"},{"recordId":"%056d"}]}`, 0, 0)},
		"Lambda.InvalidResult":           one(`"result":"\u0000"`),
		"Lambda.ProcessingFailedStatus":  one(`"result":"ProcessingFailed","data":"AAAA"`),

		// What comes behind the function, too.
		"DynamicPartitioning.MetadataExtractionFailed": one(`"result":"Ok","data":"AAAA"`),
		"DynamicPartitioning.KeyTooLong": one(fmt.Sprintf(
			`"result":"Ok","data":"AAAA","metadata":{"partitionKeys":{"k":"%01500d"}}`, 0)),
	} {
		for _, raw := range [][]byte{{}, []byte("text"), []byte("\x00\xff\n\"\\\u2028</script>\xc3"), bytes.Repeat([]byte{0xfe}, 100_000)} {
			function := transform.Function{Invoker: f, Name: "f", Timeout: time.Minute, KeepRaw: true}
			if f.answer == "hang" {
				function.Timeout = time.Millisecond
			}
			outcomes, err := function.Call(t.Context(), []transform.Record{{Data: []byte("changed"), Raw: raw}})
			if err != nil {
				t.Fatal(err)
			}
			out, err := p.ProcessOutcome(nil, 7, outcomes[0].Append(nil))
			if err != nil || len(out) != 1 {
				t.Fatalf("%d outputs, %v", len(out), err)
			}
			var line struct {
				ErrorCode string
				RawData   []byte
			}
			if err := json.Unmarshal(out[0].Data, &line); err != nil || line.ErrorCode != want || !bytes.Equal(line.RawData, raw) || string(out[0].Prefix) != "e/processing-failed/" {
				t.Errorf("%v: %s is in %s, want %s with %.40q", err, out[0].Data[:min(300, len(out[0].Data))], out[0].Prefix, want, raw)
			}
		}
	}
}
