package main

import (
	"math"
	"runtime/debug"
	"strings"
	"testing"
	"testing/fstest"

	"hydrant/stream"
)

func TestTotalMemory(t *testing.T) {
	const machine = "proc/meminfo"
	meminfo := "MemTotal:       24601234 kB\nMemFree:          123 kB\n"
	for name, test := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"nothing known":       {nil, unknownMemory},
		"machine":             {map[string]string{machine: meminfo}, 24601234 << 10},
		"machine of nonsense": {map[string]string{machine: "MemTotal: lots kB\n"}, unknownMemory},
		"container, version 2": {map[string]string{
			machine: meminfo, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "536870912\n",
		}, 512 << 20},
		"no limit, version 2": {map[string]string{
			machine: meminfo, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n",
		}, 24601234 << 10},
		"a slice around the unit": {map[string]string{
			machine: meminfo, "proc/self/cgroup": "0::/system.slice/hydrant.service\n",
			"sys/fs/cgroup/system.slice/memory.max":                 "1073741824\n",
			"sys/fs/cgroup/system.slice/hydrant.service/memory.max": "max\n",
		}, 1 << 30},
		"version 1": {map[string]string{
			machine: meminfo, "proc/self/cgroup": "3:cpu:/elsewhere\n2:memory:/docker/abc\nrubbish\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes":            "9223372036854771712\n",
			"sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes": "268435456\n",
		}, 256 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			root := fstest.MapFS{}
			for path, text := range test.files {
				root[path] = &fstest.MapFile{Data: []byte(text)}
			}
			if got := totalMemory(root); got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}

func TestMemoryIsDividedWhole(t *testing.T) {
	for _, memory := range []string{"128MiB", "512MiB", "4GiB", "1TiB"} {
		c := mustLoad(t, "memory: "+memory)
		p := c.memoryPlan()
		if sum := p.InFlight + p.Groups + p.Recent + p.Uploads + p.Objects; sum != c.Memory {
			t.Errorf("%s: the parts are %s together", memory, sum)
		}
		if p.Objects-p.Connections < leastObjects || p.Connections < leastConnections || p.InFlight < c.Limits.largest() {
			t.Errorf("%s: %+v", memory, p)
		}
	}
}

// However small the budget, some connections are served; a large one serves no more than are of use.
func TestConnectionsFollowTheBudget(t *testing.T) {
	const secure = "\ntls: {certificate: c.pem, key: k.pem}"
	for text, want := range map[string]int{
		"memory: 128MiB": 256, "memory: 256MiB": 3840, "memory: 4GiB": 4096,
		"memory: 128MiB" + secure: 128, "memory: 256MiB" + secure: 1920, "memory: 4GiB" + secure: 4096,
	} {
		if got := mustLoad(t, text).connections(); got != want {
			t.Errorf("%q: %d connections, want %d", text, got, want)
		}
	}
}

// The least budget that the refusal names is one that is taken.
func TestTooLittleMemoryNamesTheLeast(t *testing.T) {
	for _, limits := range []string{"", "limits: {in_flight: 256MiB}\n", "limits: {in_flight: 1GiB, decompressed: 600MiB}\n"} {
		_, err := load(t, limits+"memory: 10MiB")
		if err == nil {
			t.Fatal("10MiB was taken")
		}
		_, rest, _ := strings.Cut(err.Error(), "10MiB is below ")
		least, _, _ := strings.Cut(rest, ",")
		c := mustLoad(t, limits+"memory: "+least)
		if _, err := load(t, limits+"memory: "+(c.Memory-stream.MiB).String()); err == nil {
			t.Errorf("%q: less than %s was taken", limits, least)
		}
	}
}

func TestCheckPrintsTheDivision(t *testing.T) {
	_, stdout, _ := hydrant("check", "--config", writeConfig(t, "memory: 512MiB"))
	want := "# memory of 512MiB: in_flight 128MiB, groups 16MiB, recent 32MiB, uploads 16MiB, objects 320MiB, " +
		"less 32KiB for each open connection, 4096 at most; the process takes up to 96MiB more, and 32KiB for each stream\n"
	if !strings.HasSuffix(stdout, want) {
		t.Errorf("got\n%swant at its end\n%s", stdout, want)
	}
}

func TestGOMEMLIMITGoesBefore(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	t.Setenv("GOMEMLIMIT", "1TiB")
	limitHeap(stream.GiB, 1)
	if got := debug.SetMemoryLimit(-1); got != before {
		t.Errorf("the limit became %d although GOMEMLIMIT is set", got)
	}
	t.Setenv("GOMEMLIMIT", "")
	limitHeap(stream.GiB, 1000)
	if got, want := debug.SetMemoryLimit(math.MinInt64), int64(stream.GiB+memoryAllowance-runtimeLag+1000*streamMemory); got != want {
		t.Errorf("the limit is %d, want %d", got, want)
	}
}
