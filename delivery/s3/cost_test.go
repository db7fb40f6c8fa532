package s3

import (
	"bufio"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"hydrant/delivery"
	"hydrant/stream"
)

// dummyStore names the environment variable that makes this program a store that takes everything: http or https.
const dummyStore = "HYDRANT_TEST_DUMMY_STORE"

// serveDummy tells its address and serves until its standard input ends.
func serveDummy(scheme string) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("ETag", `"x"`)
	}))
	if scheme == "https" {
		server.StartTLS()
	} else {
		server.Start()
	}
	fmt.Println(server.URL)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// startDummy runs the store in a process of its own, so that only the client's processor time is counted here.
func startDummy(b *testing.B, scheme string) string {
	b.Helper()
	store := exec.Command(os.Args[0])
	store.Env = append(os.Environ(), dummyStore+"="+scheme)
	input, err := store.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	output, err := store.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := store.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = input.Close(); _ = store.Wait() })
	url, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(url)
}

// BenchmarkCost is the client's processor time for each GB, beside what net/http and the SDK's signer alone cost.
func BenchmarkCost(b *testing.B) {
	for _, scheme := range []string{"http", "https"} {
		url := startDummy(b, scheme)
		chain := settings("us-east-1")
		transport := newHTTPClient().GetTransport()
		if scheme == "https" {
			transport.TLSClientConfig.InsecureSkipVerify = true // the test's own store
		}
		client := &http.Client{Transport: transport}
		chain.HTTPClient = client
		d, err := newDestination(chain, stream.S3{Bucket: "lake", Endpoint: url, PathStyle: true})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(client.CloseIdleConnections)
		for _, size := range []int{5 << 20, 64 << 20} {
			piece := make([]byte, size/8)
			_, _ = rand.Read(piece)
			o := example
			o.Body = delivery.Body{piece, piece, piece, piece, piece, piece, piece, piece}
			for name, send := range map[string]func() error{
				"other store":             func() error { d.amazon = false; return d.Create(b.Context(), &o) },
				"amazon":                  func() error { d.amazon = true; return d.Create(b.Context(), &o) },
				"baseline, signed body":   func() error { return baseline(b, client, url, o.Body, true) },
				"baseline, unsigned body": func() error { return baseline(b, client, url, o.Body, false) },
			} {
				if scheme == "http" && name == "amazon" {
					continue // it is always reached over TLS
				}
				b.Run(fmt.Sprintf("%s/%dMiB/%s", scheme, size>>20, name), func(b *testing.B) {
					b.SetBytes(int64(size))
					before := processorTime(b)
					for b.Loop() {
						if err := send(); err != nil {
							b.Fatal(err)
						}
					}
					spent := processorTime(b) - before
					b.ReportMetric(spent.Seconds()/(float64(b.N)*float64(size)/1e9), "cpu-s/GB")
				})
			}
		}
	}
}

// BenchmarkSmall is the client's processor time for an object of 8 KB, beside what net/http and the SDK's signer alone cost.
func BenchmarkSmall(b *testing.B) {
	url := startDummy(b, "http")
	chain := settings("us-east-1")
	client := &http.Client{Transport: newHTTPClient().GetTransport()}
	chain.HTTPClient = client
	d, err := newDestination(chain, stream.S3{Bucket: "lake", Endpoint: url, PathStyle: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(client.CloseIdleConnections)
	piece := make([]byte, 8<<10)
	_, _ = rand.Read(piece)
	o := example
	o.Body = delivery.Body{piece[:10], piece[10:], piece[:8]}
	for name, send := range map[string]func() error{
		"create":                func() error { return d.Create(b.Context(), &o) },
		"baseline, signed body": func() error { return baseline(b, client, url, o.Body, true) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			before := processorTime(b)
			for b.Loop() {
				if err := send(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64((processorTime(b)-before).Microseconds())/float64(b.N), "cpu-us/op")
		})
	}
}

// baseline is the least that a signed upload can cost.
func baseline(b *testing.B, client *http.Client, url string, body delivery.Body, signed bool) error {
	r := newReader(body)
	request, err := http.NewRequestWithContext(b.Context(), http.MethodPut, url+"/lake/key", r)
	if err != nil {
		return err
	}
	request.ContentLength = r.size
	hash := "UNSIGNED-PAYLOAD"
	if signed {
		sum := sha256.New()
		for _, piece := range body {
			_, _ = sum.Write(piece)
		}
		hash = hex.EncodeToString(sum.Sum(nil))
	}
	request.Header.Set("X-Amz-Content-Sha256", hash)
	keys, err := settings("").Credentials.Retrieve(b.Context())
	if err != nil {
		return err
	}
	if err := v4.NewSigner().SignHTTP(b.Context(), keys, request, hash, "s3", "us-east-1", time.Now()); err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, response.Body)
	return response.Body.Close()
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
