package deliverytest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// BuildModule builds the example of a function in WebAssembly and returns its file.
func BuildModule(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "uppercase.wasm")
	build := exec.Command("go", "build", "-o", path, "hydrant/delivery/transform/wasm/testdata/uppercase")
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the example: %v\n%s", err, out)
	}
	return path
}
