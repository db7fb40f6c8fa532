package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"hydrant/bench"
	"hydrant/delivery/replay"
	"hydrant/delivery/s3"
	"hydrant/gateway/auth"
	"hydrant/partitioner"
	"hydrant/stream"
	"hydrant/stream/expr"
)

// replays are those that the console starts: what `hydrant replay errors` does, in the node and through its own API, with
// the rights of whoever started it. There is one at a time, and none survives the node: the marks do that it keeps beside
// the originals, so that another one goes on where it was.
type replays struct {
	node    *node
	running sync.WaitGroup

	mu   sync.Mutex
	last *replaying // nil before the first
	over bool       // the node stops
}

// replaying is a replay, under way or over.
type replaying struct {
	stream string
	plan   bool // nothing is sent
	began  time.Time
	cancel context.CancelFunc
	replay *replay.Replay
	done   bool
	err    error // why it ended early
}

// shownReplay is a replay as the page sees it.
type shownReplay struct {
	Plan    bool           `json:"plan"`
	Began   time.Time      `json:"began"`
	Running bool           `json:"running"`
	Error   string         `json:"error"`
	Status  *replay.Status `json:"status,omitempty"` // of one's own stream
}

// Start implements console.Replays.
func (r *replays) Start(name, authorization, prefix string, plan bool) error {
	if err := r.may(name, authorization, toReplay...); err != nil {
		return err
	}
	if prefix != "" {
		if err := r.may(name, authorization, choosing); err != nil {
			return err
		}
	}
	options, err := r.options(name, authorization, prefix)
	if err != nil {
		return err
	}
	options.DryRun = plan
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.over:
		return errors.New("the node is stopping")
	case r.last != nil && !r.last.done:
		return errors.New("another replay is under way: one at a time")
	}
	ctx, cancel := context.WithCancel(context.Background())
	now := &replaying{stream: name, plan: plan, began: time.Now(), cancel: cancel, replay: replay.New(options)}
	r.last = now
	r.running.Go(func() {
		defer cancel()
		err := now.replay.Run(ctx)
		r.mu.Lock()
		defer r.mu.Unlock()
		now.done, now.err = true, err
	})
	return nil
}

// toReplay are the rights to read what could not be processed, and to send records.
var toReplay = []string{describing, auth.Records}

// choosing is the right to say where a stream's error output is. Who may not could name a prefix under which other streams'
// records lie, and have the node read them.
const choosing = "UpdateDestination"

func (r *replays) may(name, authorization string, actions ...string) error {
	for _, action := range actions {
		if err := r.node.gateway.May(action, name, authorization); err != nil {
			return detail(err)
		}
	}
	return nil
}

// Stop implements console.Replays.
func (r *replays) Stop(name, authorization string) error {
	if err := r.may(name, authorization, toReplay...); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last != nil && r.last.stream == name {
		r.last.cancel()
	}
	return nil
}

// State implements console.Replays.
func (r *replays) State(name, authorization string) (any, error) {
	if err := r.node.gateway.May(describing, name, authorization); err != nil {
		return nil, refusal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.last
	if now == nil || now.stream != name && now.done {
		return nil, nil
	}
	shown := shownReplay{Plan: now.plan, Began: now.began, Running: !now.done}
	if now.stream != name {
		return shown, nil
	}
	status := now.replay.Status()
	shown.Status = &status
	switch {
	case errors.Is(now.err, context.Canceled):
		shown.Error = "it was stopped: another one goes on where it was"
	case now.err != nil:
		shown.Error = mask(now.err.Error())
	}
	return shown, nil
}

// end stops what is under way, and lets nothing begin any more.
func (r *replays) end() {
	r.mu.Lock()
	r.over = true
	if r.last != nil {
		r.last.cancel()
	}
	r.mu.Unlock()
	r.running.Wait()
}

// options are those of `hydrant replay errors` from where the stream's error output is, or was under an earlier prefix.
func (r *replays) options(name, authorization, earlier string) (replay.Options, error) {
	s, ok := r.node.streams.Current(name)
	if !ok {
		return replay.Options{}, fmt.Errorf("there is no stream %q that takes records", name)
	}
	if earlier != "" {
		s.ErrorPrefix = asInForce(earlier)
	}
	keys, err := errorKeys(s)
	if err != nil {
		return replay.Options{}, err
	}
	source, err := errorSource(s)
	if err != nil {
		return replay.Options{}, err
	}
	key := ""
	if scheme := "bearer "; len(authorization) > len(scheme) && strings.EqualFold(authorization[:len(scheme)], scheme) {
		key = strings.TrimLeft(authorization[len(scheme):], " ")
	}
	return replay.Options{
		Source:     source,
		Form:       replay.Errors{},
		Selection:  replay.Selection{Keys: keys, Zone: time.UTC},
		Node:       replay.Node{URL: "http://within", Stream: name, APIKey: key, Client: r.node.gateway.Client()},
		Decompress: bench.Decompress,
		Out:        io.Discard,
		Progress:   io.Discard,
	}, nil
}

// errorSource is where a stream's error output is: the bucket from the text on that every key of it begins with, or the
// directory.
func errorSource(s stream.Stream) (replay.Source, error) {
	if d := s.Destination.Directory; d != nil {
		path, err := filepath.Abs(d.Path)
		return replay.Directory{Path: path}, err
	}
	client, err := s3.Client(context.Background(), *s.Destination.S3)
	if err != nil {
		return nil, err
	}
	client = awss3.New(client.Options(), func(o *awss3.Options) { o.Retryer = retry.NewStandard() }) // delivery's retries nothing
	prefix, _, _ := strings.Cut(s.ErrorPrefix, "!{")
	return replay.Bucket{Client: client, Bucket: s.Destination.S3.Bucket, Prefix: prefix}, nil
}

// asInForce is an error prefix as a definition in force has it: type and time are added where it has no expression.
func asInForce(prefix string) string {
	if !expr.HasExpression(prefix) {
		prefix += "!{partitionKeyFromQuery:any}/" // anything, and the end of a folder, so that no other stream's name ends like this one's
	}
	return prefix
}

// errorTypes are those that a node's error output has, or had.
const errorTypes = "(?:" + partitioner.ProcessingFailed + "|" + partitioner.DecompressionFailed + "|format-conversion-failed)"

// errorKeys matches the keys of a stream's error output, and not those of its data or of other streams beside it.
func errorKeys(s stream.Stream) (*regexp.Regexp, error) {
	prefix, err := expr.Parse(s.ErrorPrefix)
	if err != nil {
		return nil, fmt.Errorf("error prefix %s: %w", s.ErrorPrefix, err)
	}
	return regexp.Compile("^" + prefix.Matching(errorTypes) + regexp.QuoteMeta(s.Name) + `-[0-9]+-[0-9]{4}(?:-[0-9]{2}){5}-[0-9a-f]{8}-[^/]*$`)
}
