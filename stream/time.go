package stream

import (
	"time"
	"unicode/utf8"

	"hydrant/stream/expr"
)

// Time says that a record's time, for the timestamps of its prefix, is not its arrival but the value of a field: its event
// time. A record that has none goes to the error output.
type Time struct {
	Field  string `json:"field" yaml:"field"`   // a path, such as .ts
	Format string `json:"format" yaml:"format"` // rfc3339, epoch_s, epoch_ms or a Java pattern; empty means rfc3339

	// A record whose event time lies too far from its arrival goes to a prefix of its own, whose timestamps are the
	// arrival's: clocks that are wrong must not open partitions without end.

	Late        Duration `json:"late,omitempty" yaml:"late"`                 // how far before the arrival; 0 means no bound
	LatePrefix  string   `json:"late_prefix,omitempty" yaml:"late_prefix"`   // empty means late/<name>/yyyy/MM/dd/HH/
	Early       Duration `json:"early,omitempty" yaml:"early"`               // how far after the arrival; 0 means no bound
	EarlyPrefix string   `json:"early_prefix,omitempty" yaml:"early_prefix"` // empty means early/<name>/yyyy/MM/dd/HH/
}

// withDefaults completes the prefixes as that of the stream.
func (t Time) withDefaults(name string) *Time {
	if t.Format == "" {
		t.Format = "rfc3339"
	}
	complete := func(prefix, kind string, bound Duration) string {
		if prefix == "" && bound > 0 {
			prefix = kind + "/" + name + "/"
		}
		if prefix != "" && !expr.HasExpression(prefix) {
			prefix += appendedTime
		}
		return prefix
	}
	t.LatePrefix = complete(t.LatePrefix, "late", t.Late)
	t.EarlyPrefix = complete(t.EarlyPrefix, "early", t.Early)
	return &t
}

func (v *validation) time() {
	t := v.stream.Time
	if t == nil {
		return
	}
	if _, err := expr.ParsePath(t.Field); err != nil {
		v.add("time.field", "%v", err)
	}
	if !utf8.ValidString(t.Format) {
		v.add("time.format", "%q is not UTF-8", t.Format)
	} else if _, err := expr.ParseTimeFormat(t.Format, time.UTC); err != nil {
		v.add("time.format", "%v", err)
	}
	v.beyond("late", t.Late, t.LatePrefix)
	v.beyond("early", t.Early, t.EarlyPrefix)
}

// beyond checks a bound of event time and the prefix of what lies beyond.
func (v *validation) beyond(kind string, bound Duration, prefix string) {
	path := "time." + kind + "_prefix"
	switch {
	case bound == 0 && prefix != "":
		v.add(path, "no record comes here without a bound: add time.%s, such as 24h, or remove the prefix", kind)
		return
	case bound == 0:
		return
	case bound < Duration(time.Millisecond):
		v.add("time."+kind, "the bound is %v; it must be 1ms or more", bound)
	}
	v.data(path, prefix)
}
