// Release builds the binaries of a release: static, without paths of this machine, each with its bill of materials, and the
// checksums of them all. The same commit and the same Go give the same bytes, wherever they are built.
package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

func main() {
	source := flag.String("source", "..", "the project, a clean checkout of the commit to release")
	out := flag.String("out", "dist", "directory for what is built; it must not exist")
	targets := flag.String("targets", "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64", "operating systems and architectures")
	flag.Parse()
	if err := release(*source, *out, strings.Split(*targets, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func release(source, out string, targets []string) error {
	if err := clean(source); err != nil {
		return err
	}
	out, err := filepath.Abs(out)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return err
	}
	if err := os.Mkdir(out, 0o755); err != nil {
		return err
	}
	var names []string
	for _, target := range targets {
		system, architecture, ok := strings.Cut(target, "/")
		if !ok {
			return fmt.Errorf("%q is no target: linux/amd64", target)
		}
		name := "hydrant-" + system + "-" + architecture
		fmt.Println("building", name)
		if err := build(source, filepath.Join(out, name), system, architecture); err != nil {
			return err
		}
		if err := writeBill(filepath.Join(out, name)); err != nil {
			return err
		}
		names = append(names, name, name+billSuffix)
	}
	return writeSums(out, names)
}

// clean makes sure that the commit says what is built.
func clean(source string) error {
	status := exec.Command("git", "status", "--porcelain", "--untracked-files=no")
	status.Dir, status.Stderr = source, os.Stderr
	changed, err := status.Output()
	if err != nil {
		return fmt.Errorf("git status: %w", err)
	}
	if len(changed) > 0 {
		return fmt.Errorf("files are changed since the commit; commit them first:\n%s", changed)
	}
	return nil
}

// build makes one static binary. The commit is recorded in it by the Go tool; the version is the commit's tag.
func build(source, to, system, architecture string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=true", "-ldflags", "-s -w -buildid=", "-o", to, "./cmd/hydrant")
	cmd.Dir = source
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+architecture, "GOFLAGS=-mod=readonly", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s/%s: %w\n%s", system, architecture, err, out)
	}
	return nil
}

const billSuffix = ".cdx.json"

// writeBill writes the CycloneDX bill of materials of a binary, from what the Go tool recorded in it: what is linked, and no
// more.
func writeBill(binary string) error {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(binary)
	if err != nil {
		return err
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	bill := cdx.NewBOM()
	bill.Metadata = &cdx.Metadata{
		Timestamp: settings["vcs.time"],
		Component: &cdx.Component{
			BOMRef: "hydrant", Type: cdx.ComponentTypeApplication, Name: filepath.Base(binary), Version: info.Main.Version,
			Hashes:   &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: fmt.Sprintf("%x", sha256.Sum256(data))}},
			Licenses: &cdx.Licenses{{License: &cdx.License{ID: "Apache-2.0"}}},
			Properties: &[]cdx.Property{
				{Name: "vcs.revision", Value: settings["vcs.revision"]},
				{Name: "goos", Value: settings["GOOS"]},
				{Name: "goarch", Value: settings["GOARCH"]},
			},
		},
	}
	components := []cdx.Component{library("std", strings.TrimPrefix(info.GoVersion, "go"), "")}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		components = append(components, library(m.Path, m.Version, m.Sum))
	}
	var used []string
	for _, c := range components {
		used = append(used, c.BOMRef)
	}
	bill.Components, bill.Dependencies = &components, &[]cdx.Dependency{{Ref: "hydrant", Dependencies: &used}}
	var text bytes.Buffer
	if err := cdx.NewBOMEncoder(&text, cdx.BOMFileFormatJSON).SetPretty(true).Encode(bill); err != nil {
		return err
	}
	return os.WriteFile(binary+billSuffix, text.Bytes(), 0o644)
}

func library(path, version, sum string) cdx.Component {
	url := "pkg:golang/" + path + "@" + version
	c := cdx.Component{BOMRef: url, Type: cdx.ComponentTypeLibrary, Name: path, Version: version, PackageURL: url}
	if sum != "" {
		c.Properties = &[]cdx.Property{{Name: "go.sum", Value: sum}}
	}
	return c
}

// writeSums writes what sha256sum --check reads.
func writeSums(out string, names []string) error {
	slices.Sort(names)
	var text strings.Builder
	var errs []error
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(out, name))
		errs = append(errs, err)
		fmt.Fprintf(&text, "%x  %s\n", sha256.Sum256(data), name)
	}
	errs = append(errs, os.WriteFile(filepath.Join(out, "SHA256SUMS"), []byte(text.String()), 0o644))
	return errors.Join(errs...)
}
