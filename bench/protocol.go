package bench

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/segmentio/asm/base64"
	"github.com/valyala/fasthttp"
)

// A protocol writes requests as one API wants them and judges its answers. One producer uses it at a time.
type protocol interface {
	// prepare sets all of a request that stays the same.
	prepare(request *fasthttp.Request, gateway, stream string)
	// appendBody writes the body of a request with records from first on.
	appendBody(dst []byte, a *author, first uint64, records int) []byte
	// judge says what the body of a 2xx answer means for each of the request's records.
	judge(dst []part, body []byte, records int) []part
}

// A part is what became of some records of a request that follow each other.
type part struct {
	records int
	outcome outcome
	failure string // what went wrong, short and one of few; empty if acked
}

func newProtocol(o Options) protocol {
	if o.API == Firehose {
		return &awsProtocol{stream: o.Stream, batched: o.Batch > 1}
	}
	return newEncoded(nativeProtocol{formOf(o)}, o.Encoding)
}

// awsProtocol is the Firehose API. Each record's data ends with a line feed, as producers of line formats send it: a
// stream made through that API adds none.
type awsProtocol struct {
	stream  string
	batched bool
	record  []byte // scratch
}

func (p *awsProtocol) prepare(request *fasthttp.Request, gateway, _ string) {
	request.SetRequestURI(strings.TrimSuffix(gateway, "/") + "/")
	request.Header.SetContentType("application/x-amz-json-1.1")
	operation := "PutRecord"
	if p.batched {
		operation = "PutRecordBatch"
	}
	request.Header.Set("X-Amz-Target", "Firehose_20150804."+operation)
}

func (p *awsProtocol) appendBody(dst []byte, a *author, first uint64, records int) []byte {
	dst = append(append(append(dst, `{"DeliveryStreamName":"`...), p.stream...), `",`...)
	if !p.batched {
		dst = append(dst, `"Record":`...)
		return append(p.appendRecord(dst, a, first), '}')
	}
	dst = append(dst, `"Records":[`...)
	for i := range uint64(records) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = p.appendRecord(dst, a, first+i)
	}
	return append(dst, `]}`...)
}

func (p *awsProtocol) appendRecord(dst []byte, a *author, n uint64) []byte {
	p.record = append(a.append(p.record[:0], n), '\n')
	dst = append(dst, `{"Data":"`...)
	size := base64.StdEncoding.EncodedLen(len(p.record))
	dst = append(dst, make([]byte, size)...) // the compiler makes no copy of this
	base64.StdEncoding.Encode(dst[len(dst)-size:], p.record)
	return append(dst, `"}`...)
}

// judge counts on the text `"FailedPutCount":0` in the answers that say so, as Fluent Bit does, and reads the others.
func (p *awsProtocol) judge(dst []part, body []byte, records int) []part {
	if !p.batched || bytes.Contains(body, []byte(`"FailedPutCount":0`)) {
		return append(dst, part{records: records, outcome: acked})
	}
	var answer struct {
		RequestResponses []struct{ ErrorCode string }
	}
	if err := json.Unmarshal(body, &answer); err != nil || len(answer.RequestResponses) != records {
		return append(dst, part{records: records, outcome: unknown, failure: "200 without a word on each record"})
	}
	for _, entry := range answer.RequestResponses {
		dst = appendPart(dst, recordOutcome(entry.ErrorCode))
	}
	return dst
}

func recordOutcome(code string) part {
	switch code {
	case "":
		return part{records: 1, outcome: acked}
	case "ServiceUnavailableException":
		return part{records: 1, outcome: refused, failure: "200 " + code}
	default: // InternalFailure leaves it open
		return part{records: 1, outcome: unknown, failure: "200 " + code}
	}
}

// appendPart joins a part to the last one if they are alike.
func appendPart(dst []part, p part) []part {
	if last := len(dst) - 1; last >= 0 && dst[last].outcome == p.outcome && dst[last].failure == p.failure {
		dst[last].records += p.records
		return dst
	}
	return append(dst, p)
}

// judgeStatus says what an answer other than a 2xx means: a 4xx and a 503 are a definite no.
func judgeStatus(status int, body []byte) (o outcome, failure, detail string) {
	var problem struct {
		Code    string `json:"code"`   // native: problem JSON
		Type    string `json:"__type"` // AWS
		Detail  string `json:"detail"`
		Message string `json:"message"`
	}
	failure = strconv.Itoa(status)
	if json.Unmarshal(body, &problem) == nil && problem.Code+problem.Type != "" {
		failure += " " + problem.Code + problem.Type
	}
	if status >= 400 && status < 500 || status == 503 {
		return refused, failure, problem.Detail + problem.Message
	}
	return unknown, failure, problem.Detail + problem.Message
}
