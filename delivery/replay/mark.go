package replay

import (
	"fmt"
	"time"
)

// markVersion is the form of marks. A later form has another number, and is refused.
const markVersion = 1

// Window is how long a node remembers the key of a batch: within it a batch that is sent again is stored once.
const Window = 10 * time.Minute

// A mark says how far the replay of one original into one stream is.
type mark struct {
	Version int    `json:"version"`
	Object  Object `json:"object"`
	Form    string `json:"form"` // by which its records are numbered

	Left    []span   `json:"left,omitempty"`    // to be sent
	Sending *sending `json:"sending,omitempty"` // the first of Left, or of what Left begins with; perhaps stored already
	Refused []span   `json:"refused,omitempty"` // by the node; the next run sends them again

	Sent int64 `json:"sent"` // records acknowledged
}

// sending is a batch whose outcome was not known when the mark was written.
type sending struct {
	span
	Since time.Time `json:"since"` // before the first attempt
}

func newMark(o Object, form string) *mark {
	return &mark{Version: markVersion, Object: o, Form: form, Left: []span{{0, endless}}}
}

// fits says that the mark is of this object, and that its numbers mean the same records.
func (m *mark) fits(o Object, form string) error {
	switch {
	case m.Version != markVersion:
		return fmt.Errorf("its mark has the form %d, this binary knows %d: use the hydrant that began the replay", m.Version, markVersion)
	case m.Object != o:
		return fmt.Errorf("it is not the object whose replay began: it had %d bytes and the tag %q, now %d and %q; nothing of it is sent",
			m.Object.Size, m.Object.Tag, o.Size, o.Tag)
	case m.Form != form && !m.complete():
		return fmt.Errorf("its replay began as %s, not as %s: end it so", m.Form, form)
	}
	return nil
}

// complete says that every record was acknowledged.
func (m *mark) complete() bool { return len(m.Left) == 0 && len(m.Refused) == 0 }

// begin makes what was refused the last time what is left, once nothing else is.
func (m *mark) begin() {
	if len(m.Left) == 0 {
		m.Left, m.Refused = m.Refused, nil
	}
}

// doubtful says that the batch being sent may have been stored so long ago that the node has forgotten it. A clock that was
// set back since does not tell how long ago that is.
func (m *mark) doubtful(now time.Time) bool {
	const margin = time.Minute // for the way there
	if m.Sending == nil {
		return false
	}
	since := now.Sub(m.Sending.Since)
	return since < 0 || since > Window-margin
}

// intend notes that s is about to be sent. An intent that a mark already holds keeps its time.
func (m *mark) intend(s span, now time.Time) {
	if m.Sending == nil || m.Sending.span != s {
		m.Sending = &sending{s, now}
	}
}

func (m *mark) acknowledged(s span) {
	m.Left, m.Sending = cut(m.Left, s.To), nil
	m.Sent += s.To - s.From
}

func (m *mark) refused(s span) {
	m.Left, m.Sending = cut(m.Left, s.To), nil
	m.Refused = extend(m.Refused, s)
}
