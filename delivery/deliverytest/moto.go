//go:build integration

package deliverytest

import (
	"bytes"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"hydrant/bench/child"
)

// StartMoto starts moto, which imitates Amazon's S3, STS and IAM, in a process of its own that is stopped when the test
// ends, and returns its URL. It knows what a small S3 server does not: tags, storage classes, KMS and roles.
func StartMoto(t testing.TB) (endpoint string) {
	t.Helper()
	const attempts = 5 // should a program that knows nothing of FreeAddress take the port
	var problem error
	var output bytes.Buffer
	for range attempts {
		address, err := child.FreeAddress()
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ := strings.Cut(address, ":")
		process := exec.Command("python3", "-m", "moto.server", "-H", "127.0.0.1", "-p", port)
		process.Stdout, process.Stderr = &output, &output
		if err := process.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- process.Wait() }()
		stop := func() {
			_ = process.Process.Kill() // it may have ended
			<-ended
		}
		if problem = awaitS3("http://"+address+"/moto-api/data.json", ended); problem == nil {
			t.Cleanup(http.DefaultClient.CloseIdleConnections)
			t.Cleanup(stop)
			return "http://" + address
		}
		stop()
	}
	t.Fatalf("start moto (.ci/setup installs it): %v: %s", problem, output.Bytes())
	return ""
}
