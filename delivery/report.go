package delivery

import (
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"hydrant/buffer"
	"hydrant/partitioner"
)

// Report is one kind of error that delivery of a stream has met.
type Report struct {
	Code        string    `json:"code"`                  // in Firehose's form, such as S3.NoSuchBucket
	Message     string    `json:"message"`               // of the last one
	Destination string    `json:"destination,omitempty"` // none where a record could not be processed
	Backup      bool      `json:"backup,omitempty"`      // of the stream's backup
	Version     uint64    `json:"version"`               // of the definition, in the buffer
	First       time.Time `json:"first"`
	Last        time.Time `json:"last"`
	Count       int64     `json:"count"`
}

// maxReports is how many are kept for a stream.
const maxReports = 20

// internalError is Firehose's code for what has none.
const internalError = "InternalError"

// reports keeps the last errors of each stream, those of one kind as one. It begins anew with the process.
type reports struct {
	mu       sync.Mutex
	byStream map[buffer.StreamID][]Report // the last one last
}

func (r *reports) add(id buffer.StreamID, news Report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.byStream[id]
	i := slices.IndexFunc(known, func(k Report) bool {
		return k.Code == news.Code && k.Destination == news.Destination && k.Backup == news.Backup
	})
	if i >= 0 {
		before := known[i]
		if before.Last.After(news.Last) { // of two uploads that fail at once
			news.Message, news.Version, news.Last = before.Message, before.Version, before.Last
		}
		if before.First.Before(news.First) {
			news.First = before.First
		}
		news.Count += before.Count
		known = slices.Delete(known, i, i+1)
	}
	known = append(known, news)
	r.byStream[id] = known[max(0, len(known)-maxReports):]
}

func (r *reports) of(id buffer.StreamID) []Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.byStream[id])
}

func (r *reports) forget(id buffer.StreamID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.byStream, id)
}

// Reports are the last errors of a stream since the start of the process, the latest last.
func (s *Service) Reports(id buffer.StreamID) []Report { return s.reports.of(id) }

// codeOf is an error's code.
func codeOf(err error) string {
	var known *Error
	if errors.As(err, &known) && known.Code != "" {
		return known.Code
	}
	return internalError
}

// report keeps an error of an object's delivery.
func (l *lane) report(o *object, err error) {
	now := time.Now().UTC()
	l.service.reports.add(l.info.ID.Stream, Report{
		Code: codeOf(err), Message: err.Error(), Destination: o.manifest.Destination, Backup: l.track == backupTrack,
		Version: o.manifest.Version, First: now, Last: now, Count: 1,
	})
}

// place is where the stream's own logs are to be found; nothing where its definition asks for none.
func (l *lane) logPlace() []any {
	s, ok := l.definition()
	if !ok || s.Logging.Group == "" {
		return nil
	}
	return []any{"log_group", s.Logging.Group, "log_stream", s.Logging.Stream}
}

// sampleEvery is how often records that cannot be processed are told of: one of them, and how many there were.
const sampleEvery = time.Second

// failures counts the records that went to the error output since they were last told of. It is its lane's alone.
type failures struct {
	count int64
	last  time.Time
}

// sample tells now and then of records that could not be processed.
func (l *lane) sample(r *rules, out *partitioner.Output) {
	l.failures.count++
	now := time.Now().UTC()
	if now.Sub(l.failures.last) < sampleEvery {
		return
	}
	var line struct{ ErrorCode, ErrorMessage string }
	if err := json.Unmarshal(out.Data, &line); err != nil || line.ErrorCode == "" {
		line.ErrorCode, line.ErrorMessage = internalError, out.Error
	}
	l.service.reports.add(l.info.ID.Stream, Report{
		Code: line.ErrorCode, Message: line.ErrorMessage, Version: r.version, First: now, Last: now, Count: l.failures.count,
	})
	if place := l.logPlace(); place != nil {
		l.log.With(place...).Warn("records could not be processed and go to the error output", "records", l.failures.count,
			"error_code", line.ErrorCode, "error", line.ErrorMessage)
	}
	l.failures = failures{last: now}
}
