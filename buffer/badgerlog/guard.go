package badgerlog

import (
	"fmt"

	"hydrant/buffer"
)

// guard looks how much space the disk has, whoever uses it, and refuses records while that is little: from below the
// reserve's size until there is twice as much. It is called once a second and never on the way of a record.
func (l *Log) guard() {
	l.space.Lock()
	l.restoreReserve()
	free := l.cfg.free(l.cfg.Dir)
	l.space.Unlock()

	low, high := l.reserve.size, resumeAt(l.reserve.size)
	l.mu.Lock()
	before := l.short
	switch {
	case before == nil && free < low:
		l.short = &buffer.FullError{
			Used: l.disk(), Limit: l.cfg.MaxDisk,
			Reason: fmt.Sprintf("the disk has less than %d bytes free: free some; records are taken again from %d on", low, high),
		}
	case before != nil && free >= high:
		l.short = nil
	}
	now := l.short
	l.scarce.Store(l.disk() > l.cfg.MaxDisk/spaceShare)
	l.deriving.lean = free < high+l.headroom()
	l.mu.Unlock()

	switch {
	case now != nil && before == nil:
		l.cfg.Log.Warn("the disk is almost full: no more records are taken", "free", free, "resume", high)
	case now == nil && before != nil:
		l.cfg.Log.Info("the disk has space again: records are taken", "free", free)
	}
}

// overShare refuses a stream's records where it holds its share of max_disk, so that one stream whose destination is
// away does not stop the others, if there are any. What is being committed is not counted yet. Called with mu held.
func (l *Log) overShare(lane *lane, size int) error {
	_, forming := l.forming.of(lane)
	used := lane.held() + forming
	if len(l.lanes) == 1 || used+int64(size) <= l.cfg.StreamShare {
		return nil
	}
	return &buffer.FullError{
		Used: used, Limit: l.cfg.StreamShare,
		Reason: fmt.Sprintf("stream %s holds buffer.stream_share undelivered; other streams are not affected", lane.name),
	}
}
