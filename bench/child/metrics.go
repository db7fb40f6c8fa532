package child

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Metrics are a node's, by name, each the sum over its labels.
type Metrics map[string]float64

// Since is what was added.
func (m Metrics) Since(before Metrics, name string) float64 { return m[name] - before[name] }

// ReadMetrics asks a node's admin listener, named by its URL.
func ReadMetrics(ctx context.Context, admin string) (Metrics, error) {
	text, err := Get(ctx, admin+"/metrics")
	if err != nil {
		return nil, err
	}
	return parseMetrics(string(text))
}

// parseMetrics reads the text format of Prometheus.
func parseMetrics(text string) (Metrics, error) {
	m := Metrics{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		end := strings.LastIndexByte(line, ' ')
		if end < 0 || line[0] == '#' {
			continue
		}
		value, err := strconv.ParseFloat(line[end+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("metric %q: %w", line, err)
		}
		name, _, _ := strings.Cut(line[:end], "{")
		m[name] += value
	}
	return m, nil
}

// Get reads what a process says of itself.
func Get(ctx context.Context, url string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s: %.200s", url, response.Status, body)
	}
	return body, err
}

// Answers reports whether a server is there and content.
func Answers(ctx context.Context, url string) bool {
	_, err := Get(ctx, url)
	return err == nil
}
