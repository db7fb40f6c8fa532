package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"hydrant/delivery/replay"
)

type streamsFlush struct {
	asJSON
	URL    string `help:"Address of the node." default:"http://127.0.0.1:8080" env:"HYDRANT_URL"`
	APIKey string `name:"api-key" placeholder:"VARIABLE" help:"Environment variable that holds the API key to send."`
	Name   string `arg:"" help:"The stream."`
}

// Validate names the first option that cannot be used. Kong calls it after parsing.
func (c *streamsFlush) Validate() error { return checkKeyVariable(c.APIKey) }

// Run seals what the stream's open objects hold, by the native API, and prints what that was.
func (c *streamsFlush) Run(ctx context.Context, to console) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	address := strings.TrimSuffix(c.URL, "/") + "/v1/streams/" + url.PathEscape(c.Name) + "/flush"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, nil)
	if err != nil {
		return fmt.Errorf("flush: %w", err)
	}
	if key := os.Getenv(c.APIKey); key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("no answer: %w: is the node running there? --url or HYDRANT_URL names another address", err)
	}
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return fmt.Errorf("flush: %w", err)
	}
	sealed, err := readFlushed(response.StatusCode, answer)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(to.Out, sealed)
	}
	if sealed.Objects == 0 {
		_, err = fmt.Fprintf(to.Out, "stream %s: no object is open, there was nothing to seal\n", c.Name)
		return err
	}
	_, err = fmt.Fprintf(to.Out, "stream %s: sealed %s with %s, on the way now\n", c.Name, counted(sealed.Objects, "object"), counted(sealed.Records, "record"))
	return err
}

// counted is a number with what it counts.
func counted(n int64, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

type flushed struct {
	Objects int64 `json:"objects"`
	Records int64 `json:"records"`
}

func readFlushed(status int, answer []byte) (sealed flushed, err error) {
	if status == http.StatusOK && json.Unmarshal(answer, &sealed) == nil {
		return sealed, nil
	}
	refusal := replay.Refusal{Status: status}
	if json.Unmarshal(answer, &refusal) != nil || refusal.Code == "" {
		return sealed, fmt.Errorf("the answer is no node's: status %d, %.200q: --url or HYDRANT_URL names a node's listener for producers", status, answer)
	}
	return sealed, &refusal
}

// checkKeyVariable wants an environment variable's name. What was given may be the key itself: it is not repeated.
func checkKeyVariable(name string) error {
	if name != "" && os.Getenv(name) == "" {
		return errors.New("api-key: the environment has no variable of the name given; the flag takes a variable's name, not the key")
	}
	return nil
}
