package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	mdLink    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	mdHeading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	notInSlug = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// Every link of the documentation to a file of the project, or to a heading in one, leads somewhere.
func TestDocsLinks(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, "../../README.md") {
		for _, link := range mdLink.FindAllStringSubmatch(readDoc(t, page), -1) {
			if target := link[1]; !strings.Contains(target, "://") {
				checkDocLink(t, page, target)
			}
		}
	}
}

func checkDocLink(t *testing.T, page, target string) {
	t.Helper()
	path, anchor, _ := strings.Cut(target, "#")
	file := page
	if path != "" {
		file = filepath.Join(filepath.Dir(page), path)
	}
	if _, err := os.Stat(file); err != nil {
		t.Errorf("%s: the link to %s leads nowhere", page, target)
		return
	}
	if anchor == "" {
		return
	}
	for _, heading := range mdHeading.FindAllStringSubmatch(readDoc(t, file), -1) {
		slug := strings.ReplaceAll(notInSlug.ReplaceAllString(strings.ToLower(heading[1]), ""), " ", "-")
		if slug == anchor {
			return
		}
	}
	t.Errorf("%s: %s has no heading #%s", page, file, anchor)
}

func readDoc(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// README's list leads to every page.
func TestEveryPageIsListed(t *testing.T) {
	_, list, found := strings.Cut(readDoc(t, "../../README.md"), "\n## Read on\n")
	if !found {
		t.Fatal("README has no list of pages")
	}
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(pages) < 20 {
		t.Fatalf("%d pages, error %v", len(pages), err)
	}
	for _, page := range pages {
		if name := filepath.Base(page); !strings.Contains(list, "[docs/"+name+"](docs/"+name+")") {
			t.Errorf("docs/%s is not listed", name)
		}
	}
}

// provedBy is a path in code type, which may hold a pattern.
var provedBy = regexp.MustCompile("`([a-z]+/[a-z0-9_/.*]+)`")

// The tests that the page on the design names as its proofs, and those on the map of all tests, are there.
func TestDocsNameTheirTests(t *testing.T) {
	for page, least := range map[string]int{"design.md": 15, "testing.md": 100} {
		named := 0
		for _, name := range provedBy.FindAllStringSubmatch(readDoc(t, "../../docs/"+page), -1) {
			top, _, _ := strings.Cut(name[1], "/")
			if _, err := os.Stat("../../" + top); err != nil {
				continue // of no folder of ours, as encoding/json
			}
			named++
			if found, err := filepath.Glob("../../" + name[1]); err != nil || len(found) == 0 {
				t.Errorf("%s names %s, which is not there", page, name[1])
			}
		}
		if named < least {
			t.Errorf("%s names only %d tests", page, named)
		}
	}
}
