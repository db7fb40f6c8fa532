package main

import (
	"path/filepath"
	"slices"
	"testing"
)

// given are commands that are not given as they stand: with a name where the page has a place for one, or with less to do.
var given = map[string]string{
	"hydrant check --config FILE":                         "hydrant check --config hydrant.yaml",
	"hydrant try --config FILE --stream NAME sample.json": "hydrant try --config hydrant.yaml --stream demo sample.json",
	"hydrant inspect DIR":                                 "hydrant inspect hydrant-data",
	"hydrant streams flush NAME":                          "hydrant streams flush demo",
	"hydrant streams delete NAME":                         "hydrant streams delete --help",
	"hydrant replay":                                      "hydrant replay --help",
	"hydrant replay errors --dir":                         "hydrant replay errors --dir failed --stream copy",
	"hydrant top":                                         "hydrant top --once --admin http://127.0.0.1:8081",
	"hydrant top --once":                                  "hydrant top --once --admin http://127.0.0.1:8081",
	"hydrant version":                                     "hydrant version",
	"hydrant bench":                                       shortLoad,
	"hydrant bench suite":                                 "hydrant bench suite --list",
	"hydrant bench suite table":                           "hydrant bench suite table RESULT.json",
	"hydrant bench suite compare":                         "hydrant bench suite compare RESULT.json RESULT.json",
	"./hydrant bench suite table RESULT.json":             "hydrant bench suite table RESULT.json",
	"./hydrant bench suite table RESULT.json --sides":     "hydrant bench suite table RESULT.json --sides",
	"hydrant bench suite curves":                          "hydrant bench suite curves RESULT.json",
	"./hydrant bench suite curves RESULT.json":            "hydrant bench suite curves RESULT.json",
	"hydrant bench verify --ledger FILE --dir DIR":        shortLoad + " --ledger ledger.bin && hydrant bench verify --ledger ledger.bin --dir delivered --wait 10m",
	"hydrant bench compare A.json B.json":                 shortLoad + " --json > A.json && hydrant bench compare A.json A.json",
	"hydrant bench compare before.json after.json":        shortLoad + " --json > before.json && hydrant bench compare before.json before.json",

	"hydrant bench torture":                                                            "hydrant bench torture --list",
	"hydrant bench torture --duration 2m":                                              "hydrant bench torture --duration 15m --times kill=1" + gently,
	"hydrant bench torture --seed 7 --faults 'kill,power,store-*'":                     "hydrant bench torture --seed 7 --faults 'kill,power,store-*' --list",
	"hydrant bench torture --s3 s3://lake/try --endpoint http://...":                   "hydrant bench torture --s3 s3://lake/try --endpoint $AWS_ENDPOINT_URL_S3 --times kill=1" + gently,
	"hydrant bench torture --times kill=100,power=40 --records 10000000 --duration 2h": "hydrant bench torture --times kill=1,power=1 --records 100 --duration 15m" + gently,
	"hydrant bench torture --report report.json":                                       "hydrant bench torture --report report.json --times kill=1" + gently,
}

const (
	shortLoad = "hydrant bench --url http://127.0.0.1:8080 --duration 500ms --connections 4"
	gently    = " --rate 100 --pause 200ms --dir tortured"
)

// notGiven are the commands that are not given here, and why not.
var notGiven = map[string]string{
	"go run ./cmd/hydrant serve":                    "TestReadmeTour gives it",
	"go test ./...":                                 "CI gives it, as README prints it",
	"go test -race ./...":                           "CI gives it",
	"bash .ci/run":                                  "it is CI",
	"bash .ci/long":                                 "takes a night",
	"go build ./cmd/hydrant":                        "each test of the program builds it",
	"go run -C tools ./release --out /tmp/dist":     "TestReleaseIsReproducible gives it",
	"sha256sum --check --ignore-missing SHA256SUMS": "TestReleaseIsReproducible gives it",

	"go build ./cmd/hydrant && ./hydrant bench suite --out .":                                     "takes an hour; TestBenchSuite measures everything with --quick",
	"./hydrant bench suite --out .":                                                               "takes an hour; TestBenchSuite measures everything with --quick",
	"./hydrant bench suite --rows '^single$|latency'":                                             "needs the machine alone; TestBenchSuite measures all rows with --quick",
	"./hydrant bench suite --rows growth":                                                         "needs the machine alone; TestBenchSuite measures all rows with --quick",
	"go test -C tools/peers .":                                                                    "CI gives it",
	"go run -C tools/peers . --out /tmp":                                                          "needs the machine alone; TestPeers measures all of it shortly",
	"go test -run '^$' -bench . ./...":                                                            "needs the machine alone",
	"go test -bench BenchmarkDeliver ./delivery":                                                  "needs the machine alone",
	"go test ./partitioner -bench Keys":                                                           "needs the machine alone",
	"go test ./cmd/hydrant -run Reference -update":                                                "changes the page; TestReference compares it",
	"GOOS=wasip1 GOARCH=wasm go build -o uppercase.wasm .":                                        "the tests of modules build it",
	"HYDRANT_TEST_FLEET_ROUNDS=15 go test -tags integration -run TestFleetKills -v ./cmd/hydrant": "takes half an hour; CI gives one round",
	"hydrant bench torture --seed 20261126 --times kill=100,power=40 --records 10000000 --rate 8000 --pause 10s --store-fails 0.1 --duration 60m": "took an hour",
	"hydrant bench torture --seed 20261128 --duration 40m":                                                       "took 40 minutes",
	"HYDRANT_TEST_BACKLOG=20GiB go test -tags integration -v -run TestBacklogDrainsInLittleMemory ./cmd/hydrant": "needs 20 GiB of disk; CI gives it with less",

	"kubectl create namespace hydrant":                                                          "needs a cluster",
	"kubectl -n hydrant create secret generic hydrant --from-literal=S3_BUCKET=lake":            "needs a cluster; TestKubernetesConfiguration checks what it leads to",
	"kubectl -n hydrant create secret generic hydrant-credentials --from-file=credentials.yaml": "needs a cluster; TestKubernetesConfiguration checks what it leads to",
	"kubectl apply -k configs/kubernetes":                                                       "needs a cluster; tools/manifests decodes it as one does",
	"docker run --read-only":                                                                    "needs Docker; TestDockerfile runs the image's contents read-only",
	"ssh -L":                                                                                    "needs another machine",
	"zstd -d":                                                                                   "the tests of the formats give it",
}

// needsMore are programs that a reader's directory has nothing for: they work on the sources, in a cluster, or on another machine,
// or they are what was built from the sources right there.
var needsMore = []string{"go", "bash", "kubectl", "docker", "ssh", "./hydrant"}

// Each command of the documentation either can be given where TestDocsCommandsRun gives it, or says above why not; and what is
// said above is about a command that some page still has.
func TestDocsCommandsAreAccountedFor(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, page := range append(pages, "../../README.md") {
		for _, c := range commandsOf(t, page, readDoc(t, page)) {
			used[c.line] = true
			if !c.tour && given[c.line] == "" && notGiven[c.line] == "" && wantsMore(c.line) {
				t.Errorf("%s: %s: say in given how it is given, or in notGiven what else gives it", page, c.line)
			}
		}
	}
	for _, list := range []map[string]string{given, notGiven} {
		for line := range list {
			if !used[line] {
				t.Errorf("no page says %q any more", line)
			}
		}
	}
}

func wantsMore(line string) bool {
	return slices.ContainsFunc(commandsIn(line), func(words []string) bool {
		for len(words) > 0 && assignment.MatchString(words[0]) {
			words = words[1:]
		}
		return len(words) > 0 && slices.Contains(needsMore, words[0])
	})
}
