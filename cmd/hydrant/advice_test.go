package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hydrant/buffer/badgerlog"
	"hydrant/gateway/ingest"
)

// What a person meets first when something is not as it should be says what is wrong and what to do about it.
func TestMistakesAreExplained(t *testing.T) {
	dir := t.TempDir()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	lost := filepath.Join(dir, "lost") // a buffer without its identity
	if err := os.MkdirAll(filepath.Join(lost, "buffer", "gen-0000000000000001"), 0o700); err != nil {
		t.Fatal(err)
	}
	used, err := badgerlog.Open(badgerlog.Config{Dir: filepath.Join(dir, "used", bufferDir), MaxDisk: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer used.Close()
	config := func(listen, admin, dataDir string) string {
		return writeConfig(t, fmt.Sprintf("listen: %s\nadmin: %s\ndata_dir: %s\nbuffer: {max_disk: 64MiB}\n"+
			"streams: {s: {destination: {directory: {path: %s/objects}}}}\n", listen, admin, dataDir, dir))
	}
	const free = "127.0.0.1:0"
	for _, test := range []struct {
		arguments []string
		code      int
		want      []string
	}{
		{
			[]string{"serve", "--config", config(taken.Addr().String(), free, dir+"/a")},
			exitFailed,
			[]string{"listen for producers", "another process listens there: stop it, or write another port in listen (or HYDRANT_LISTEN)"},
		},
		{
			[]string{"serve", "--config", config(free, taken.Addr().String(), dir+"/b")},
			exitFailed,
			[]string{"listen for admin requests", "write another port in admin (or HYDRANT_ADMIN)"},
		},
		{
			[]string{"serve", "--config", config(free, free, file)},
			exitFailed,
			[]string{"open the buffer", file, "let this process's user write there, or name another directory in data_dir (or HYDRANT_DATA_DIR)"},
		},
		{[]string{"serve", "--config", config(free, free, lost)}, exitFailed, []string{"open the buffer", "put one of them back from a backup"}},
		{[]string{"inspect", lost}, exitFailed, []string{"hydrant: neither log.json nor log.json.copy"}},
		{[]string{"inspect", dir}, exitFailed, []string{"is " + dir + " the data directory of a node, its data_dir?"}},
		{[]string{"drain", "--data-dir", dir}, exitFailed, []string{"--data-dir: no node has left its buffer there"}},
		{
			[]string{"serve", "--config", config(free, free, dir+"/used")},
			exitFailed,
			[]string{"another process uses this buffer: " + dir + "/used/buffer: stop it first, or give this node a data_dir of its own (or HYDRANT_DATA_DIR)"},
		},
		{[]string{"inspect", dir + "/used"}, exitFailed, []string{"another process uses this buffer", "shown by hydrant top"}},
		{[]string{"drain", "--data-dir", dir + "/used"}, exitFailed, []string{"another process uses this buffer", "stop it to drain"}},
		{[]string{"inspect", dir + "/none"}, exitFailed, []string{dir + "/none: no such file or directory: name the data directory of a node"}},
		{[]string{"check", "hydrant.yaml"}, exitUsage, []string{"unexpected argument hydrant.yaml; the configuration is named with --config FILE; see hydrant check --help"}},
		{[]string{"serve", "hydrant.yaml"}, exitUsage, []string{"named with --config FILE; see hydrant serve --help"}},
		{[]string{"serve", "--grace=soon"}, exitUsage, []string{"--grace", "see hydrant serve --help"}},
		{[]string{"bench", "--size=10"}, exitUsage, []string{"size: 10 is not in 101 to 1023999; see hydrant bench run --help"}},
		{[]string{"streams", "list", "--url=" + nobody}, exitFailed, []string{"no answer", "--url or HYDRANT_URL names another address"}},
		{[]string{"check", "--config", writeConfig(t, "streams:\n\ts: {}\n")}, exitFailed, []string{":2:1: a tab: YAML is indented with spaces"}},
		{[]string{"check", "--config", writeConfig(t, "buffer: {max_disk: 64}\n")}, exitFailed, []string{":1:10: buffer.max_disk: 64 bytes is below 64MiB"}},
	} {
		code, _, stderr := hydrant(test.arguments...)
		if code != test.code {
			t.Errorf("%q: got exit code %d, want %d", test.arguments, code, test.code)
		}
		for _, want := range test.want {
			if !strings.Contains(stderr, want) {
				t.Errorf("%q: got %q, want %q", test.arguments, stderr, want)
			}
		}
		if strings.Contains(stderr, "put one of them back") && strings.Contains(stderr, "user write there") {
			t.Errorf("%q: two ways out, of which one leads nowhere: %q", test.arguments, stderr)
		}
	}
}

// An answer that no node gives, as the admin listener's, says which address is wanted.
func TestAnswersOfOthersAreExplained(t *testing.T) {
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	code, _, stderr := hydrant("streams", "list", "--url", other.URL)
	if code != exitFailed || !strings.Contains(stderr, "404 page not found: --url or HYDRANT_URL names a node's listener for producers") {
		t.Errorf("got exit code %d, %q", code, stderr)
	}
}

// nobody is where nothing listens: no system gives this port to a test.
const nobody = "http://127.0.0.1:1"

// A variable that gives an option of a command is no misspelt setting.
func TestVariablesOfCommandsAreNoSettings(t *testing.T) {
	for _, name := range ofCommands {
		mustLoad(t, "streams: {}\n", name+"=http://127.0.0.1:9")
	}
	_, stdout, _ := hydrant("streams", "list", "--help")
	if !strings.Contains(stdout, "$HYDRANT_URL") {
		t.Errorf("the help names no variable: %s", stdout)
	}
}

// Each command's help ends well and says more than the names of its options.
func TestHelpOfEveryCommand(t *testing.T) {
	for _, command := range []string{
		"serve", "check", "drain", "inspect", "version", "keys", "keys new", "bench", "bench run", "bench verify", "bench compare",
		"bench suite", "bench suite run", "bench suite compare", "streams", "streams list", "streams describe", "streams create",
		"streams update", "streams delete", "streams encrypt", "streams tag",
	} {
		code, stdout, stderr := hydrant(append(strings.Fields(command), "--help")...)
		if code != exitGood || stderr != "" || !strings.HasPrefix(stdout, "Usage: hydrant "+command) {
			t.Errorf("%s: got exit code %d, %q, %q", command, code, stdout, stderr)
		}
	}
	for command, want := range map[string]string{"serve": "SIGHUP", "check": "line and column", "bench": "hydrant bench run --help"} {
		if _, stdout, _ := hydrant(command, "--help"); !strings.Contains(strings.Join(strings.Fields(stdout), " "), want) {
			t.Errorf("%s: %q is not in\n%s", command, want, stdout)
		}
	}
}

// A key that may not look is told which right it lacks: the one that hydrant keys new makes is a producer's.
func TestViewersWithoutTheRightAreToldHowToGetIt(t *testing.T) {
	err := refusal(&ingest.Error{Code: ingest.AccessDenied, Detail: "these credentials do not allow " + describing})
	want := "these credentials do not allow DescribeDeliveryStream: a rule of their principal in the file of credentials must allow read (or manage), and the node reload it (SIGHUP)"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, _, file := hydrant("keys", "new"); !strings.Contains(file, "# For the console and hydrant top add read to the actions.") {
		t.Errorf("the file does not say how a key looks on:\n%s", file)
	}
}
