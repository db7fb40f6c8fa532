package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"hydrant/buffer"
	"hydrant/buffer/badgerlog"
	"hydrant/delivery"
	"hydrant/stream/definitions"
)

// inspectCommand shows what a stopped node's buffer holds.
type inspectCommand struct {
	Dir    string `arg:"" help:"The node's data directory."`
	Blocks bool   `help:"List every block that is not settled."`
	JSON   bool   `name:"json" help:"Print JSON lines: one object for the node, each generation, stream, version, manifest and block, and what waits in all."`
}

// Run prints the report; damage makes it fail, after everything is printed.
func (c *inspectCommand) Run(to console) error {
	report, err := c.report()
	if err != nil {
		return adviseInUse(err, "stop the node to inspect it; a running one is shown by hydrant top and its console")
	}
	lines, err := inspectLines(report, c.Blocks)
	if err != nil {
		return err
	}
	unreadable, err := definitionDamage(filepath.Join(c.Dir, definitionsDir))
	if err != nil {
		return err
	}
	for _, line := range append(lines, unreadable...) {
		if err := c.print(to.Out, line); err != nil {
			return err
		}
	}
	if n := len(report.Damage) + len(unreadable); n > 0 {
		return fmt.Errorf("the data directory is damaged in %s", counted(int64(n), "place"))
	}
	return nil
}

// report reads the buffer of a data directory, or the directory of a buffer itself.
func (c *inspectCommand) report() (*badgerlog.Report, error) {
	if _, err := os.Stat(c.Dir); err != nil {
		return nil, fmt.Errorf("inspect: %w: name the data directory of a node, its data_dir", err)
	}
	dir := filepath.Join(c.Dir, bufferDir)
	if _, err := os.Stat(dir); err == nil {
		return badgerlog.Inspect(dir)
	}
	report, err := badgerlog.Inspect(c.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("is %s the data directory of a node, its data_dir? %w", c.Dir, err)
	}
	return report, err
}

// line is one thing found, in the form of its JSON line and as text.
type line struct {
	Type string `json:"type"`
	Item any    `json:"item"`
	text string
}

func (c *inspectCommand) print(w io.Writer, l line) error {
	if !c.JSON {
		_, err := fmt.Fprintln(w, l.text)
		return err
	}
	return json.NewEncoder(w).Encode(l)
}

func inspectLines(r *badgerlog.Report, blocks bool) ([]line, error) {
	node := struct {
		Log   string `json:"log"`
		Epoch uint64 `json:"epoch"`
	}{fmt.Sprintf("%x", r.Origin.Log), r.Origin.Epoch}
	lines := []line{{"node", node, fmt.Sprintf("log %s, epoch %d", node.Log, node.Epoch)}}
	for _, g := range r.Generations {
		closed := "closed"
		if !g.Closed {
			closed = "not closed"
		}
		lines = append(lines, line{"generation", g, fmt.Sprintf("generation %d: %s, %s on disk, %s to deliver", g.ID, closed, counted(g.Disk, "byte"), counted(int64(g.Live), "block"))})
	}
	for i := range r.Streams {
		found, err := streamLines(&r.Streams[i], blocks)
		if err != nil {
			return nil, err
		}
		lines = append(lines, found...)
	}
	lines = append(lines, waitingLine(r.Streams))
	for _, note := range r.Notes {
		lines = append(lines, line{"note", note, "note: " + note})
	}
	for _, sentence := range r.Repaired {
		lines = append(lines, line{"repaired", sentence, "damaged, and read all the same: " + sentence})
	}
	for _, damage := range r.Damage {
		lines = append(lines, damageLine(&damage))
	}
	return lines, nil
}

// waitingLine says what would be lost with the directory.
func waitingLine(streams []badgerlog.StreamReport) line {
	var waiting struct {
		Records int64 `json:"records"`
		Bytes   int64 `json:"bytes"`
	}
	for i := range streams {
		waiting.Records += streams[i].Stats.Pending
		waiting.Bytes += streams[i].Stats.PendingBytes
	}
	if waiting.Records == 0 {
		return line{"waiting", waiting, "no record waits for delivery"}
	}
	return line{"waiting", waiting, fmt.Sprintf("%s in blocks of %s to be delivered: by a start of the node, or hydrant drain",
		counted(waiting.Records, "record"), counted(waiting.Bytes, "byte"))}
}

// definitionDamage names the definitions of streams made through the API that cannot be read.
func definitionDamage(dir string) ([]line, error) {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	store, err := definitions.OpenDirectory(dir)
	if err != nil {
		return nil, err
	}
	documents, err := store.Load(context.Background())
	if err != nil && documents == nil {
		return nil, err
	}
	var lines []line
	for _, err := range definitions.Unreadable(err) {
		item := struct {
			Reason string `json:"reason"`
		}{err.Error()}
		lines = append(lines, line{"damage", item, "DAMAGE: " + item.Reason})
	}
	return lines, nil
}

func damageLine(d *badgerlog.DamageReport) line {
	item := struct {
		Stream   string `json:"stream,omitempty"`
		StreamID string `json:"stream_id,omitempty"`
		Groups   bool   `json:"groups,omitempty"` // from and to are groups of the log, not records
		New      bool   `json:"new"`              // found now, and not yet by a start
		buffer.Damage
	}{Stream: d.Stream, Groups: d.Groups, New: d.New, Damage: d.Damage}
	if d.Groups {
		return line{"damage", item, fmt.Sprintf("DAMAGE: groups %d to %d (generation %d): %s", d.From, d.To, d.Generation, d.Reason)}
	}
	item.StreamID = d.StreamID.String()
	return line{"damage", item, fmt.Sprintf("DAMAGE: stream %s (%s): %s of %d to %d lost (generation %d): %s",
		cmp.Or(d.Stream, "of a lost name"), d.StreamID, counted(d.Records, "record"), d.From, d.To, d.Generation, d.Reason)}
}

// streamLines are a lane, and what it holds: its versions, its state and, if asked for, its blocks.
func streamLines(s *badgerlog.StreamReport, blocks bool) ([]line, error) {
	lines := []line{laneLine(s)}
	for i := range s.Versions {
		l, err := versionLine(&s.Versions[i])
		if err != nil {
			return nil, err
		}
		lines = append(lines, l)
	}
	for _, e := range s.State {
		l, err := stateLine(e)
		if err != nil {
			return nil, err
		}
		lines = append(lines, l)
	}
	if !blocks {
		return lines, nil
	}
	for _, b := range s.Blocks {
		lines = append(lines, line{"block", b, fmt.Sprintf("  block %d to %d: %d bytes, arrived %s, generation %d%s",
			b.First, b.Last, b.Bytes, b.Arrival.UTC().Format(time.RFC3339Nano), b.Generation, keyText(b.Key))})
	}
	return lines, nil
}

func laneLine(s *badgerlog.StreamReport) line {
	item := struct {
		Name     string `json:"name"`
		ID       string `json:"id"`
		Derived  bool   `json:"derived,omitempty"` // the lane of what the stream's function made of its records
		Cursor   uint64 `json:"cursor"`
		Accepted int64  `json:"accepted"`
		Pending  int64  `json:"pending"`
		Bytes    int64  `json:"pending_bytes"`
		Blocks   int    `json:"blocks"`
		Oldest   string `json:"oldest_arrival,omitempty"` // of the pending ones
	}{s.Name, s.ID.String(), s.Derived, uint64(s.Cursor), s.Stats.Accepted, s.Stats.Pending, s.Stats.PendingBytes, len(s.Blocks), ""}
	since := ""
	if oldest := s.Stats.OldestArrival; !oldest.IsZero() {
		item.Oldest = oldest.UTC().Format(time.RFC3339Nano)
		since = ", the oldest arrived " + item.Oldest
	}
	lane, taken := "stream", "accepted"
	if s.Derived {
		lane, taken = "made by the function of stream", "made"
	}
	return line{"stream", item, fmt.Sprintf("%s %s (%s): %s %s, settled up to %d, %d above that in %s of %s%s",
		lane, s.Name, s.ID, counted(s.Stats.Accepted, "record"), taken, s.Cursor, s.Stats.Pending, counted(int64(len(s.Blocks)), "block"), counted(s.Stats.PendingBytes, "byte"), since)}
}

func versionLine(v *badgerlog.VersionReport) (line, error) {
	definition, err := maskedDefinition(v.Data)
	item := struct {
		Number     uint64          `json:"number"`
		First      uint64          `json:"first"`
		Logic      uint32          `json:"logic"`
		Key        uint32          `json:"key,omitempty"`
		Definition json.RawMessage `json:"definition"`
	}{v.Number, uint64(v.First), v.Logic, uint32(v.Key), definition}
	return line{"version", item, fmt.Sprintf("  version %d from record %d%s: %s", v.Number, v.First, keyText(v.Key), definition)}, err
}

func stateLine(e buffer.Entry) (line, error) {
	m, ok, err := delivery.DecodeManifest(e.Key, e.Value)
	if err != nil {
		return line{}, err
	}
	if ok {
		return line{"manifest", m, manifestText(m)}, nil
	}
	return line{"state", map[string]any{"key": e.Key, "value": json.RawMessage(e.Value)}, fmt.Sprintf("  %s: %s", e.Key, e.Value)}, nil
}

func keyText(key buffer.DataKeyID) string {
	if key == 0 {
		return ""
	}
	return fmt.Sprintf(", encrypted under key %d", key)
}

func manifestText(m *delivery.Manifest) string {
	state := "sealed"
	if m.Delivered {
		state = "delivered"
	}
	return fmt.Sprintf("  %s %s: %s of %s from records %d to %d, %s", state, m.Key, counted(m.Outputs, "output"), counted(m.Bytes, "byte"), m.First, m.To, m.Checksum)
}
