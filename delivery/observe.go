package delivery

import (
	"time"

	"hydrant/partitioner"
)

// Observer is told of objects as they come and go, and of some of the records that cannot be processed. Its methods are
// called by every lane, return at once, and keep no bytes that they were given.
type Observer interface {
	Sealed(o ObjectNews)
	Uploaded(u UploadNews) // an attempt has ended, for better or worse
	Delivered(o ObjectNews)
	Failed(stream string, line []byte) // a line of error output, with its line feed
}

// ObjectNews is an object as it is at one moment.
type ObjectNews struct {
	Manifest
	Stream  string
	Lane    uint32
	Failure string    // the error output type; empty for data
	Stored  int64     // bytes as they are uploaded; until it is delivered, about so many or more
	Arrival time.Time // of the oldest record
}

// UploadNews is an attempt to upload an object.
type UploadNews struct {
	Stream, Key string
	Backup      bool
	Attempt     int // of this process, from 1
	Started     time.Time
	Err         error // nil: the object is there
}

func (l *lane) news(o *object) ObjectNews {
	return ObjectNews{
		Manifest: *o.manifest, Stream: l.info.Name, Lane: l.info.ID.Number, Failure: o.failure,
		Stored: o.stored, Arrival: time.UnixMilli(o.arrival),
	}
}

func (l *lane) observeSealed(o *object) {
	if l.service.deps.Observe != nil {
		l.service.deps.Observe.Sealed(l.news(o))
	}
}

func (l *lane) observeUploaded(o *object, attempt int, started time.Time, err error) {
	if l.service.deps.Observe != nil {
		l.service.deps.Observe.Uploaded(UploadNews{
			Stream: l.info.Name, Key: o.manifest.Key, Backup: o.manifest.Backup, Attempt: attempt + 1, Started: started, Err: err,
		})
	}
}

func (l *lane) observeDelivered(o *object) {
	if l.service.deps.Observe != nil {
		news := l.news(o)
		head, tail := o.wrap()
		news.Stored += int64(len(head) + len(tail))
		l.service.deps.Observe.Delivered(news)
	}
}

// samplesASecond is how many of a lane's failed records are told.
const samplesASecond = 10

// samples counts the failed records that were told in one second. It is its lane's alone.
type samples struct {
	since time.Time
	told  int
}

func (l *lane) observeFailed(out *partitioner.Output) {
	if l.service.deps.Observe == nil {
		return
	}
	if now := time.Now(); now.Sub(l.samples.since) >= time.Second {
		l.samples = samples{since: now}
	}
	if l.samples.told < samplesASecond {
		l.samples.told++
		l.service.deps.Observe.Failed(l.info.Name, out.Data)
	}
}
