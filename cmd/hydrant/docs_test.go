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
