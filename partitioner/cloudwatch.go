package partitioner

import (
	"bytes"
	"encoding/json"
)

// envelope is what CloudWatch Logs puts around log events.
type envelope struct {
	MessageType string          `json:"messageType"`
	Owner       json.RawMessage `json:"owner"`
	LogGroup    json.RawMessage `json:"logGroup"`
	LogStream   json.RawMessage `json:"logStream"`
	Filters     json.RawMessage `json:"subscriptionFilters"`
	LogEvents   []logEvent      `json:"logEvents"`
}

type logEvent struct {
	ID        json.RawMessage `json:"id"`
	Timestamp json.RawMessage `json:"timestamp"`
	Message   *string         `json:"message"`
}

// decode reads a decompressed record. One that only tests the way has no events.
func (e *envelope) decode(data []byte) *refusal {
	*e = envelope{}
	if err := json.Unmarshal(data, e); err != nil { // whose text depends on the release of Go
		return refuse(notLogs, "the record is not JSON in the form of CloudWatch Logs")
	}
	switch e.MessageType {
	case "CONTROL_MESSAGE":
		e.LogEvents = nil
		return nil
	case "DATA_MESSAGE":
	default:
		return refuse(notLogs, "the record's messageType is neither DATA_MESSAGE nor CONTROL_MESSAGE")
	}
	for i := range e.LogEvents {
		if e.LogEvents[i].Message == nil {
			return refuse(notLogs, "the log event %d has no message", i+1)
		}
	}
	return nil
}

// encode is the envelope with one event alone, and in that one the message, less the line feed that was put behind it.
func (e *envelope) encode(event int, message []byte) []byte {
	var out []byte
	member := func(opening string, value json.RawMessage) {
		if value != nil {
			out = append(append(out, opening...), value...)
		}
	}
	out = append(out, `{"messageType":"DATA_MESSAGE"`...)
	member(`,"owner":`, e.Owner)
	member(`,"logGroup":`, e.LogGroup)
	member(`,"logStream":`, e.LogStream)
	member(`,"subscriptionFilters":`, e.Filters)
	out = append(out, `,"logEvents":[{`...)
	member(`"id":`, e.LogEvents[event].ID)
	if e.LogEvents[event].ID != nil {
		out = append(out, ',')
	}
	member(`"timestamp":`, e.LogEvents[event].Timestamp)
	if e.LogEvents[event].Timestamp != nil {
		out = append(out, ',')
	}
	out = append(out, `"message":`...)
	out = appendString(out, string(bytes.TrimSuffix(message, []byte("\n"))))
	return append(out, "}]}"...)
}
