package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	web "hydrant/gateway/console"
)

// topCommand shows a running node in the terminal: what its console shows, from the same samples.
type topCommand struct {
	Admin  string `help:"Address of the node's admin listener, as a URL or as admin in its configuration." default:"127.0.0.1:8081" env:"HYDRANT_ADMIN"`
	APIKey string `name:"api-key" placeholder:"VARIABLE" help:"Environment variable that holds the API key to send; it shows the streams that it may describe."`
	Once   bool   `help:"Show it once and end."`
	JSON   bool   `name:"json" help:"Print each sample as a line of JSON."`
}

// Validate names the first option that cannot be used. Kong calls it after parsing.
func (c *topCommand) Validate() error { return checkKeyVariable(c.APIKey) }

// Help is shown behind the command's own line.
func (c *topCommand) Help() string {
	return "Every five seconds: what comes in and goes out, what waits and for how long, and why a stream does not deliver. Ctrl-C ends it."
}

// topView is what the node sends of each sample.
type topView struct {
	Time    time.Time     `json:"time"`
	Node    web.NodeState `json:"node"`
	Streams []topStream   `json:"streams"`
}

type topStream struct {
	web.Stream
	State string  `json:"state"`
	Age   float64 `json:"oldest_seconds"`
	Rates struct {
		In       float64 `json:"in"`
		InBytes  float64 `json:"in_bytes"`
		Out      float64 `json:"out"`
		OutBytes float64 `json:"out_bytes"`
	} `json:"rates"`
}

// Run shows samples until it is interrupted, which is how it ends well.
func (c *topCommand) Run(ctx context.Context, to console) error {
	events, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer events.Close()
	lines := bufio.NewScanner(events)
	lines.Buffer(nil, maxAnswer)
	for lines.Scan() {
		sample, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		if err := c.show(to.Out, sample); err != nil {
			return err
		}
		if c.Once {
			return nil
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	return errors.Join(errors.New("the node has ended the conversation: is it being stopped?"), lines.Err())
}

func (c *topCommand) connect(ctx context.Context) (io.ReadCloser, error) {
	address, err := url.JoinPath(c.url(), "console/events")
	if err != nil {
		return nil, fmt.Errorf("--admin: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("--admin: %w", err)
	}
	if key := os.Getenv(c.APIKey); key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("no answer: %w: is the node running there? --admin or HYDRANT_ADMIN names another address", err)
	}
	if response.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(io.LimitReader(response.Body, 1000)) // the status says enough
		_ = response.Body.Close()
		if response.StatusCode == http.StatusUnauthorized || response.StatusCode == http.StatusForbidden {
			return nil, fmt.Errorf("the node refuses: %s (--api-key VARIABLE names the key)", strings.TrimSpace(string(said)))
		}
		return nil, fmt.Errorf("%s answers %s: %s (is it the admin listener of a node?)", address, response.Status, strings.TrimSpace(string(said)))
	}
	return response.Body, nil
}

// url is where the listener is reached from this machine. What it listens on has no scheme, and may be all addresses.
func (c *topCommand) url() string {
	if strings.Contains(c.Admin, "://") {
		return c.Admin
	}
	host, port, err := net.SplitHostPort(c.Admin)
	if err != nil {
		return "http://" + c.Admin
	}
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// show writes a sample. A terminal is painted anew each time; anything else gets one table below the other.
func (c *topCommand) show(w io.Writer, sample string) error {
	if c.JSON {
		_, err := fmt.Fprintln(w, sample)
		return err
	}
	var view topView
	if err := json.Unmarshal([]byte(sample), &view); err != nil {
		return fmt.Errorf("what the node sends cannot be read; is it another version? %w", err)
	}
	before, after := "", "\n"
	if isTerminal(w) && !c.Once {
		before, after = "\x1b[H\x1b[2J", ""
	}
	_, err := io.WriteString(w, before+view.text()+after)
	return err
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
