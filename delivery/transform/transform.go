// Package transform calls the functions that streams give their records to. It speaks the contract of Firehose's
// transformation functions: a batch of records in, one result for each of them out, matched by the records' ids.
package transform

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
	"unicode/utf8"

	"hydrant/partitioner"
	"hydrant/stream"
)

// Invoker calls a function. It may be called from many goroutines at once. One that is an io.Closer is closed when nothing
// uses it any more.
type Invoker interface {
	// Invoke returns the function's answer to a request, at most MaxPayload bytes of it. It never tries again by itself.
	// Errors are *Error.
	Invoke(ctx context.Context, request []byte) ([]byte, error)
}

// MaxPayload bounds a request and an answer, in bytes: Lambda's limit.
const MaxPayload = 6 << 20

// Class says what an error asks for.
type Class int

const (
	Failed      Class = iota // the function itself: tried again as often as the stream says, then the records are error output
	Unavailable              // the way there, or throttled: tried again without end
	Held                     // configuration or credentials: again slowly, and raise the alarm
)

// Error is why a call gave no answer.
type Error struct {
	Class Class
	Code  string // of Firehose's, for error output
	Err   error
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %v", e.Code, e.Err) }
func (e *Error) Unwrap() error { return e.Err }

// tooMuch says that fewer records at once may be taken.
func (e *Error) tooMuch() bool {
	return e.Class == Failed && (e.Code == TooLarge || e.Code == AnswerTooLarge)
}

// The codes of calls that failed.
const (
	FunctionError   = "Lambda.FunctionError"
	RequestTimedOut = "Lambda.FunctionRequestTimedOut"
	AccessDenied    = "Lambda.InvokeAccessDenied"
	LimitExceeded   = "Lambda.InvokeLimitExceeded"
	NotFound        = "Lambda.ResourceNotFound"
	Unreachable     = "Lambda.Unavailable"
	TooLarge        = "Lambda.RequestTooLarge"
	AnswerTooLarge  = "Lambda.ResponseTooLarge"
)

// Function is a function and how it is called.
type Function struct {
	Invoker Invoker
	Name    string        // for error output
	Retries int           // after a call that failed
	Timeout time.Duration // of one call
	KeepRaw bool          // with what passed: it may fail later

	Region, Stream string // the request's region and ARN of the stream

	// Observe, where set, is told of each call; Troubled of each that will be tried again for the function is not to be had,
	// and of nil once it is again.
	Observe  func(took time.Duration, ok bool)
	Troubled func(error)
}

// New returns a stream's function, called as its definition says. It is told of the stream by region, account and name.
func New(t stream.Transform, i Invoker, region, account, name string) *Function {
	return &Function{
		Invoker: i, Name: t.Name(), Retries: *t.Retries, Timeout: time.Duration(t.Timeout), Region: region,
		Stream: fmt.Sprintf("arn:aws:firehose:%s:%s:deliverystream/%s", region, account, name),
	}
}

// Record is what a function is given.
type Record struct {
	Data    []byte
	Raw     []byte // as the stream can take it again
	Arrival int64  // Unix milliseconds
}

// Call gives records to the function and returns an outcome for each, in their order. It goes on until there is an answer,
// or as often as the function may fail. What is too much for one request or answer is given in halves, so that of a batch
// only the record fails that is too large alone. Its error is that of ctx.
func (f *Function) Call(ctx context.Context, records []Record) ([]partitioner.Outcome, error) {
	request, divisible := encodeRequest(f.Region, f.Stream, records), len(records) > 1
	if len(request) > MaxPayload && divisible {
		return f.callHalves(ctx, records)
	}
	if len(request) > MaxPayload {
		return f.failAll(records, TooLarge, fmt.Sprintf("the request has %d bytes; the limit is %d", len(request), MaxPayload), 0), nil
	}
	for attempt, failures := 0, 0; ; attempt++ {
		answer, failure := f.invoke(ctx, request)
		switch {
		case failure == nil:
			f.tell(nil)
			return f.match(records, answer, failures+1), nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case failure.Class != Failed:
			f.tell(failure)
		default:
			f.tell(nil)
			failures++
		}
		if divisible && failure.tooMuch() {
			return f.callHalves(ctx, records)
		}
		if failures > f.Retries {
			return f.failAll(records, failure.Code, failure.Err.Error(), failures), nil
		}
		select {
		case <-time.After(backoff(failure.Class, attempt)):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (f *Function) callHalves(ctx context.Context, records []Record) ([]partitioner.Outcome, error) {
	half := len(records) / 2
	first, err := f.Call(ctx, records[:half])
	if err != nil {
		return nil, err
	}
	second, err := f.Call(ctx, records[half:])
	return append(first, second...), err
}

func (f *Function) tell(err error) {
	if f.Troubled != nil {
		f.Troubled(err)
	}
}

// invoke makes one call. An error that no Invoker should give is one of the way to the function.
func (f *Function) invoke(ctx context.Context, request []byte) ([]byte, *Error) {
	call, cancel := context.WithTimeout(ctx, f.Timeout)
	defer cancel()
	start := time.Now()
	answer, err := f.Invoker.Invoke(call, request)
	if f.Observe != nil {
		f.Observe(time.Since(start), err == nil)
	}
	if err == nil {
		return answer, nil
	}
	if call.Err() != nil && ctx.Err() == nil {
		return nil, &Error{Class: Failed, Code: RequestTimedOut, Err: fmt.Errorf("there is no answer after %v", f.Timeout)}
	}
	if failure, ok := errors.AsType[*Error](err); ok {
		return nil, failure
	}
	return nil, &Error{Class: Unavailable, Code: Unreachable, Err: err}
}

// backoff is the pause after an attempt: longer each time, with jitter, and from the start where only somebody's work on
// the configuration helps.
func backoff(c Class, attempt int) time.Duration {
	const first, longest = 100 * time.Millisecond, 30 * time.Second
	wait := first << min(attempt, 10)
	if c == Held {
		wait *= 10
	}
	wait = min(wait, longest)
	return wait/2 + rand.N(wait/2)
}

// failAll is the outcome of records that the function was not able to answer for.
func (f *Function) failAll(records []Record, code, message string, attempts int) []partitioner.Outcome {
	out := make([]partitioner.Outcome, len(records))
	for i := range records {
		out[i] = f.fail(&records[i], code, message, attempts)
	}
	return out
}

// longestMessage bounds what each record's line of error output says, in bytes.
const longestMessage = 1024

func (f *Function) fail(r *Record, code, message string, attempts int) partitioner.Outcome {
	return partitioner.Outcome{
		Result: partitioner.Failed, Raw: r.Raw, Kind: partitioner.ProcessingFailed, Code: code, Message: printable(message),
		Function: f.Name, Attempts: attempts, Ended: time.Now().UnixMilli(),
	}
}

// printable is a text that somebody else wrote as error output takes it.
func printable(text string) string {
	if len(text) > longestMessage {
		text = text[:longestMessage]
	}
	if utf8.ValidString(text) {
		return text
	}
	return string([]rune(text))
}
