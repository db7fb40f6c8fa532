//go:build integration

package main

import (
	"bytes"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// The steps of the Dockerfile, carried out without an engine as far as that goes: the build stage with this machine's Go
// in place of the base image, the final stage as a directory that the node is rooted in, under the image's user.
func TestDockerfile(t *testing.T) {
	i := buildImage(t)
	i.checkStatic(t)
	i.checkContents(t)
	i.checkListeners(t)
	i.makeReadOnly(t)
	listen, admin := freePort(t), freePort(t)
	p := &process{t: t, cmd: exec.Command(i.command[0], i.command[1:]...), url: "http://" + listen, admin: "http://" + admin, output: new(bytes.Buffer), ended: make(chan struct{})}
	p.cmd.Env = append(i.environment, "HYDRANT_LISTEN="+listen, "HYDRANT_ADMIN="+admin)
	p.cmd.Dir = "/"
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: i.root, Credential: &syscall.Credential{Uid: i.user, Gid: i.user}}
	p.launch()
	p.awaitReady()
	p.post("demo", "application/json", `{"hello":"world"}`)
	p.delivered()
	p.stop()
	objects, err := filepath.Glob(filepath.Join(i.root, "data/objects/demo/*/*/*/*/*.gz"))
	if err != nil || len(objects) != 1 {
		t.Errorf("objects in the volume: %v %v", objects, err)
	}
}

// Without credentials the image does not start on its open listeners, and no word makes it.
func TestImageAsksForCredentials(t *testing.T) {
	i := buildImage(t)
	cmd := exec.Command(i.command[0], i.command[1:]...)
	cmd.Env, cmd.Dir = append(i.environment, "HYDRANT_AUTH=none"), "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: i.root}
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "hydrant keys new makes an API key") {
		t.Errorf("it said %q, %v", out, err)
	}
}

// image is what a Dockerfile makes.
type image struct {
	root        string
	environment []string
	user        uint32
	volumes     []string
	ports       []string
	command     []string
}

// buildImage executes the Dockerfile.
func buildImage(t *testing.T) *image {
	t.Helper()
	text, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	b := &imageBuild{t: t, stages: map[string]string{}}
	for _, line := range strings.Split(strings.ReplaceAll(string(text), "\\\n", " "), "\n") {
		instruction, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if instruction != "" && !strings.HasPrefix(instruction, "#") {
			b.execute(instruction, strings.TrimSpace(rest))
		}
	}
	return &b.image
}

type imageBuild struct {
	image

	t         *testing.T
	directory string            // WORKDIR
	stages    map[string]string // root directories by name
}

func (b *imageBuild) execute(instruction, rest string) {
	b.t.Helper()
	words := strings.Fields(rest)
	switch instruction {
	case "FROM":
		b.root = b.t.TempDir()
		must(b.t, os.Chmod(filepath.Dir(b.root), 0o755)) // the image's user goes through it
		b.environment, b.directory = nil, "/"
		if len(words) == 3 {
			b.stages[words[2]] = b.root
		}
	case "WORKDIR":
		b.directory = rest
		must(b.t, os.MkdirAll(filepath.Join(b.root, rest), 0o755))
	case "COPY":
		b.copy(words)
	case "RUN":
		cmd := exec.Command("sh", "-c", strings.ReplaceAll(rest, " /out", " "+b.root+"/out"))
		cmd.Dir = filepath.Join(b.root, b.directory)
		out, err := cmd.CombinedOutput()
		if err != nil {
			b.t.Fatalf("RUN %s: %v: %s", rest, err, out)
		}
	case "ENV":
		b.environment = append(b.environment, words...)
	case "USER":
		id, group, _ := strings.Cut(rest, ":")
		n, err := strconv.ParseUint(id, 10, 32)
		if err != nil || n == 0 || group != id {
			b.t.Fatalf("USER %s: Kubernetes' runAsNonRoot wants a number, not root's, and a group", rest)
		}
		b.user = uint32(n)
	case "ENTRYPOINT", "CMD":
		var list []string
		must(b.t, json.Unmarshal([]byte(rest), &list))
		b.command = append(b.command, list...)
	case "VOLUME":
		b.volumes = append(b.volumes, words...)
	case "EXPOSE":
		b.ports = append(b.ports, words...)
	default:
		b.t.Fatalf("this test does not know the instruction %s", instruction)
	}
}

func (b *imageBuild) copy(words []string) {
	b.t.Helper()
	var from, owner string
	for strings.HasPrefix(words[0], "--") {
		name, value, _ := strings.Cut(words[0], "=")
		words = words[1:]
		switch name {
		case "--from":
			from = b.stages[value]
		case "--chown":
			owner = value
		}
	}
	sources, target := words[:len(words)-1], filepath.Join(b.root, b.directory, words[len(words)-1])
	if filepath.IsAbs(words[len(words)-1]) {
		target = filepath.Join(b.root, words[len(words)-1])
	}
	for _, source := range sources {
		switch {
		case from != "":
			source = filepath.Join(from, source)
			if _, err := os.Stat(source); err != nil {
				source = strings.TrimPrefix(source, from) // of the base image
			}
			must(b.t, os.MkdirAll(filepath.Dir(target), 0o755))
			b.shell("cp", "-r", source, target)
		case source == ".":
			b.copyContext(target)
		default:
			b.shell("cp", filepath.Join("../..", source), target)
		}
	}
	if owner != "" {
		b.shell("chown", "-R", owner, target)
	}
}

// copyContext copies what .dockerignore lets through: the files under version control, and no others.
func (b *imageBuild) copyContext(target string) {
	b.t.Helper()
	b.shell("sh", "-c", fmt.Sprintf("cd ../.. && git ls-files -z | xargs -0 cp --parents -t %q", target))
}

func (b *imageBuild) shell(name string, arguments ...string) {
	b.t.Helper()
	if out, err := exec.Command(name, arguments...).CombinedOutput(); err != nil {
		b.t.Fatalf("%s %s: %v: %s", name, strings.Join(arguments, " "), err, out)
	}
}

// checkStatic makes sure that nothing else has to be in the image.
func (i *image) checkStatic(t *testing.T) {
	t.Helper()
	f, err := elf.Open(filepath.Join(i.root, i.command[0]))
	must(t, err)
	defer f.Close()
	if slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
		t.Error("the binary needs a dynamic loader")
	}
}

// checkContents wants the binary and what it needs in the image, and nothing else: no shell, no loader.
func (i *image) checkContents(t *testing.T) {
	t.Helper()
	var files []string
	must(t, filepath.WalkDir(i.root, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			files = append(files, strings.TrimPrefix(path, i.root))
		}
		return err
	}))
	if want := []string{"/etc/ssl/certs/ca-certificates.crt", "/hydrant"}; !slices.Equal(files, want) {
		t.Errorf("the image holds %q, want %q", files, want)
	}
}

// checkListeners wants the ports that the image names to be those that it listens on, beyond the container's own loopback.
func (i *image) checkListeners(t *testing.T) {
	t.Helper()
	if !slices.Equal(i.volumes, []string{"/data"}) || !slices.Contains(i.environment, "HYDRANT_DATA_DIR=/data") {
		t.Errorf("the volumes are %q, the environment is %q", i.volumes, i.environment)
	}
	for n, name := range []string{"HYDRANT_LISTEN", "HYDRANT_ADMIN"} {
		if len(i.ports) != 2 || !slices.Contains(i.environment, name+"=0.0.0.0:"+i.ports[n]) {
			t.Errorf("the ports are %q, the environment is %q", i.ports, i.environment)
		}
	}
}

// makeReadOnly leaves the image's user nothing to write to but the volume, as docker run --read-only does.
func (i *image) makeReadOnly(t *testing.T) {
	t.Helper()
	must(t, filepath.WalkDir(i.root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if slices.Contains(i.volumes, strings.TrimPrefix(path, i.root)) {
			return fs.SkipDir
		}
		return errors.Join(os.Chown(path, 0, 0), os.Chmod(path, 0o555))
	}))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
