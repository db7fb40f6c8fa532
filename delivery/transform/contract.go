package transform

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"hydrant/partitioner"
)

// Firehose's codes of records that an answer says nothing good of.
const (
	processingFailedStatus = "Lambda.ProcessingFailedStatus"
	missingRecordID        = "Lambda.MissingRecordId"
	duplicatedRecordID     = "Lambda.DuplicatedRecordId"
	jsonProcessing         = "Lambda.JsonProcessingException"
	invalidResult          = "Lambda.InvalidResult"
)

// The results that a function may give.
const (
	resultOk      = "Ok"
	resultDropped = "Dropped"
	resultFailed  = "ProcessingFailed"
)

// recordFrame is more than what a record takes in a request beside its data in base64.
const recordFrame = 110

// RequestSize is what a record adds to a request, at most.
func RequestSize(data []byte) int { return recordFrame + base64.StdEncoding.EncodedLen(len(data)) }

// RequestFrame is more than what a request takes beside its records.
const RequestFrame = 4 << 10

// encodeRequest is the request in Firehose's form. Ids are of this request alone.
func encodeRequest(region, arn string, records []Record) []byte {
	size := RequestFrame
	for i := range records {
		size += RequestSize(records[i].Data)
	}
	out := make([]byte, 0, size)
	out = append(out, `{"invocationId":"`...)
	out = appendUUID(out)
	out = append(out, `","deliveryStreamArn":`...)
	out = appendJSON(out, arn)
	out = append(out, `,"region":`...)
	out = appendJSON(out, region)
	out = append(out, `,"records":[`...)
	for i := range records {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, `{"recordId":"`...)
		out = appendID(out, i)
		out = append(out, `","approximateArrivalTimestamp":`...)
		out = strconv.AppendInt(out, records[i].Arrival, 10)
		out = append(out, `,"data":"`...)
		out = base64.StdEncoding.AppendEncode(out, records[i].Data)
		out = append(out, `"}`...)
	}
	return append(out, "]}"...)
}

// appendUUID appends a random UUID.
func appendUUID(dst []byte) []byte {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails: documented to end the process instead
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return fmt.Appendf(dst, "%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

func appendID(dst []byte, i int) []byte { return fmt.Appendf(dst, "%056d", i) }

func appendJSON(dst []byte, text string) []byte {
	encoded, err := json.Marshal(text)
	if err != nil {
		panic("transform: a text is always JSON: " + err.Error())
	}
	return append(dst, encoded...)
}

// response is a function's answer.
type response struct {
	Records []answer `json:"records"`
}

type answer struct {
	RecordID string  `json:"recordId"`
	Result   string  `json:"result"`
	Data     *string `json:"data"`
	Metadata struct {
		PartitionKeys map[string]json.RawMessage `json:"partitionKeys"`
	} `json:"metadata"`
}

// match gives each record what the function answered for it.
func (f *Function) match(records []Record, data []byte, attempts int) []partitioner.Outcome {
	var r response
	if err := json.Unmarshal(data, &r); err != nil {
		return f.failAll(records, jsonProcessing, "the answer is not what a function answers with: "+err.Error(), attempts)
	}
	if r.Records == nil {
		return f.failAll(records, jsonProcessing, "the answer has no records", attempts)
	}
	answers := make(map[string]*answer, len(r.Records))
	twice := map[string]bool{}
	for i := range r.Records {
		id := r.Records[i].RecordID
		twice[id] = answers[id] != nil
		answers[id] = &r.Records[i]
	}
	out := make([]partitioner.Outcome, len(records))
	var id []byte
	for i := range records {
		id = appendID(id[:0], i)
		a := answers[string(id)]
		switch {
		case a == nil:
			out[i] = f.fail(&records[i], missingRecordID, "the record's id is not in the answer", attempts)
		case twice[string(id)]:
			out[i] = f.fail(&records[i], duplicatedRecordID, "the record's id is in the answer more than once", attempts)
		default:
			out[i] = f.outcome(&records[i], a, attempts)
		}
	}
	return out
}

func (f *Function) outcome(r *Record, a *answer, attempts int) partitioner.Outcome {
	switch a.Result {
	case resultDropped:
		return partitioner.Outcome{Result: partitioner.Dropped}
	case resultFailed:
		return f.fail(r, processingFailedStatus, "the function says that it failed for the record", attempts)
	case resultOk:
	default:
		return f.fail(r, invalidResult, fmt.Sprintf("the result is %q: it must be Ok, Dropped or ProcessingFailed", a.Result), attempts)
	}
	if a.Data == nil {
		return f.fail(r, jsonProcessing, "the result is Ok, and there is no data", attempts)
	}
	data, err := base64.StdEncoding.DecodeString(*a.Data)
	if err != nil {
		return f.fail(r, jsonProcessing, "the data is not base64: "+err.Error(), attempts)
	}
	o := partitioner.Outcome{Result: partitioner.Passed, Data: data}
	for _, name := range slices.Sorted(maps.Keys(a.Metadata.PartitionKeys)) {
		value, ok := keyText(a.Metadata.PartitionKeys[name])
		if !ok {
			return f.fail(r, jsonProcessing, fmt.Sprintf("the partition key %s is neither a string nor a number nor a boolean", name), attempts)
		}
		o.Keys = append(o.Keys, partitioner.Key{Name: name, Value: value})
	}
	if f.KeepRaw {
		o.Raw = bytes.Clone(r.Raw)
	}
	return o
}

// keyText is a partition key's value as text: of a number or a boolean that is its JSON, as it is of a query's. null is none.
func keyText(value json.RawMessage) (text string, ok bool) {
	switch value[0] {
	case '"':
		return text, json.Unmarshal(value, &text) == nil
	case '{', '[':
		return "", false
	case 'n':
		return "", true
	}
	return string(value), true
}
