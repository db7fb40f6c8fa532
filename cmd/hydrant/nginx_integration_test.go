//go:build integration

package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// startNginx starts a real nginx with the example configuration, on these nodes' addresses, and returns its URL, a client
// that trusts it and the directory where it would buffer bodies.
func startNginx(t *testing.T, nodes ...string) (url string, client *http.Client, bodies string) {
	t.Helper()
	example, err := os.ReadFile("../../configs/nginx.conf")
	must(t, err)
	dir := t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o755)) // its workers are another user's
	certificate := makeCertificate(t, dir)
	trusted, err := os.ReadFile(certificate)
	must(t, err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(trusted)
	front := freePort(t)
	pairs := []string{"127.0.0.1:8443", front, "/etc/nginx/tls/hydrant.pem", certificate, "/etc/nginx/tls/hydrant.key", filepath.Join(dir, "server.key")}
	for i, node := range nodes {
		pairs = append(pairs, fmt.Sprintf("127.0.0.1:%d ", 8080+2*i), node+" ")
	}
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(string(example), pairs[i]) {
			t.Fatalf("the example has no %q", pairs[i])
		}
	}
	must(t, os.WriteFile(filepath.Join(dir, "hydrant.conf"), []byte(strings.NewReplacer(pairs...).Replace(string(example))), 0o600))
	var main strings.Builder
	fmt.Fprintf(&main, "daemon off; pid %[1]s/pid; error_log stderr warn; worker_processes 2; events {} http { include %[1]s/hydrant.conf;", dir)
	for _, what := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&main, " %s_temp_path %s/%[1]s;", what, dir)
	}
	main.WriteString(" }")
	file := filepath.Join(dir, "nginx.conf")
	must(t, os.WriteFile(file, []byte(main.String()), 0o600))
	cmd, output := exec.Command("nginx", "-p", dir, "-c", file, "-e", "stderr"), new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = output, output
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt) // its workers with it
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("nginx: %s", output)
		}
	})
	client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, MaxIdleConnsPerHost: 16}}
	t.Cleanup(client.CloseIdleConnections)
	if !comesToHold(time.Minute, func() bool { return isOpen(front) }) {
		t.Fatalf("nginx does not listen: %s", output)
	}
	return "https://" + front, client, filepath.Join(dir, "client_body")
}

// isOpen reports whether something listens at an address.
func isOpen(address string) bool {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

// Nodes behind nginx, one of which is killed and another restarted under load: every record is delivered once, and no client
// that repeats what failed is left without an answer.
func TestBehindNginx(t *testing.T) {
	t.Parallel()
	d := directoryDestination(t)
	var nodes []*process
	var addresses []string
	for range 3 {
		dir := t.TempDir()
		p := startIn(t, dir, crashConfig(dir, d.yaml, 0))
		nodes, addresses = append(nodes, p), append(addresses, strings.TrimPrefix(p.url, "http://"))
	}
	url, client, bodies := startNginx(t, addresses...)
	var sent atomic.Int64
	stop := make(chan struct{})
	var clients sync.WaitGroup
	stored := make([]int, 8) // by client: so many of its records were acknowledged
	for c := range stored {
		clients.Go(func() {
			for ; sendUntilStored(t, client, url, recordOf(c, stored[c]), stop); stored[c]++ {
				sent.Add(1)
			}
		})
	}
	wait := func(more int64) {
		goal := sent.Load() + more
		nodes[2].eventually("clients get on", func() bool { return sent.Load() >= goal })
	}
	wait(200)
	nodes[0].stop()
	wait(200)
	nodes[0] = nodes[0].again()
	wait(200)
	nodes[1].kill()
	wait(200)
	nodes[1] = nodes[1].again()
	wait(200)
	close(stop)
	clients.Wait()
	var used int
	for _, p := range nodes {
		p.delivered()
		if p.metric("hydrant_accepted_records_total") > 0 {
			used++
		}
		p.stop()
	}
	if used != 3 {
		t.Errorf("%d nodes were used, want 3", used)
	}
	found := map[string]int{}
	for _, content := range files(t, d.objects) {
		for line := range strings.Lines(content) {
			found[strings.TrimSpace(line)]++
		}
	}
	lost, doubled := 0, 0
	for c := range stored {
		for n := range stored[c] {
			switch found[recordOf(c, n)] {
			case 0:
				lost++
			case 1:
			default:
				doubled++
			}
		}
	}
	// A node that dies between storing and answering leaves its client to send again, to another node: docs/fleet.md.
	if lost > 0 || doubled > len(stored) {
		t.Errorf("of %d records %d are lost and %d doubled", sent.Load(), lost, doubled)
	}
	if left, err := os.ReadDir(bodies); err != nil || len(left) > 0 {
		t.Errorf("bodies on nginx's disk: %v %v", left, err)
	}
}

func recordOf(client, n int) string { return fmt.Sprintf(`{"key":"k","id":"%d-%d"}`, client, n) }

// sendUntilStored repeats a call with its key, as an SDK does, until it is acknowledged or stop is closed.
func sendUntilStored(t *testing.T, client *http.Client, url, record string, stop chan struct{}) bool {
	for {
		select {
		case <-stop:
			return false
		default:
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/v1/streams/crash/records", strings.NewReader(record))
		if err != nil {
			t.Error(err)
			return false
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", record)
		answer, err := client.Do(r)
		if err == nil {
			_, _ = io.Copy(io.Discard, answer.Body)
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return true
			}
		}
		time.Sleep(20 * time.Millisecond) // as a client does between two attempts
	}
}

// A body goes to the node as it comes, and is on nginx's disk at no time; one that is too large is refused by the node.
func TestNginxPassesBodiesOn(t *testing.T) {
	t.Parallel()
	d := directoryDestination(t)
	dir := t.TempDir()
	p := startIn(t, dir, crashConfig(dir, d.yaml, 0))
	address := strings.TrimPrefix(p.url, "http://")
	url, client, bodies := startNginx(t, address, address, address)
	body, slow := io.Pipe()
	answered := make(chan error, 1)
	go func() {
		r, err := http.NewRequest(http.MethodPost, url+"/v1/streams/crash/records", body)
		if err == nil {
			r.Header.Set("Content-Type", "application/x-ndjson")
			var answer *http.Response
			if answer, err = client.Do(r); err == nil {
				_ = answer.Body.Close()
				if answer.StatusCode != http.StatusOK {
					err = fmt.Errorf("got %s", answer.Status)
				}
			}
		}
		answered <- err
	}()
	line := []byte(`{"key":"k","text":"` + strings.Repeat("x", 1000) + `"}` + "\n")
	for range 4000 {
		_, err := slow.Write(line)
		must(t, err)
	}
	p.eventually("the node has the beginning", func() bool { return p.metric("hydrant_in_flight_bytes") > 0 })
	if left, err := os.ReadDir(bodies); err != nil || len(left) > 0 {
		t.Errorf("bodies on nginx's disk: %v %v", left, err)
	}
	must(t, slow.Close())
	must(t, <-answered)
	answer, err := client.Post(url+"/v1/streams/crash/records", "application/x-ndjson", bytes.NewReader(bytes.Repeat(line, 9000)))
	must(t, err)
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusRequestEntityTooLarge || answer.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("a body of 9 MB: %s %s", answer.Status, answer.Header.Get("Content-Type"))
	}
	p.delivered()
	p.stop()
}

// What a node may have stored is not sent to another one; what could not be sent is.
func TestNginxRepeatsOnlyWhatWasNotSent(t *testing.T) {
	t.Parallel()
	var requests atomic.Int64
	deaf, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = deaf.Close() })
	go func() { // reads a request and goes away without an answer
		for {
			c, err := deaf.Accept()
			if err != nil {
				return
			}
			buffer := make([]byte, 64<<10)
			if n, _ := c.Read(buffer); n > 0 {
				requests.Add(1)
			}
			_ = c.Close()
		}
	}()
	send := func(url string, client *http.Client) int {
		answer, err := client.Post(url+"/v1/streams/s/records", "application/json", strings.NewReader("{}"))
		must(t, err)
		defer answer.Body.Close()
		return answer.StatusCode
	}
	address := deaf.Addr().String()
	url, client, _ := startNginx(t, address, address, address)
	if status := send(url, client); status != http.StatusBadGateway || requests.Load() != 1 {
		t.Errorf("a request without an answer: status %d, sent %d times", status, requests.Load())
	}
	good := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	go func() { _ = good.Serve(listener) }()
	t.Cleanup(func() { _ = good.Close() })
	url, client, _ = startNginx(t, freePort(t), listener.Addr().String(), freePort(t))
	for range 20 {
		if status := send(url, client); status != http.StatusOK {
			t.Errorf("one of three nodes is there: status %d", status)
		}
	}
}
