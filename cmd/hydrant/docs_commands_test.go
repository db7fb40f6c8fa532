package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// programs are what commands of the documentation may begin with, beside hydrant itself. README's tour is run as it stands by
// another test; what is Kubernetes', Docker's or the collector's is for their users to have.
var programs = []string{
	"hydrant", "curl", "printf", "export", "until", "do", "done", "find", "grep", "sleep", "aws", "python3", "go", "bash",
	"kubectl", "sha256sum", "gzip", "git", "chmod", "kill", "nginx", "docker", "ssh", "zstd",
}

// otherBlocks begin indented blocks that are no commands: pictures and formulas.
var otherBlocks = []string{"gateway", "max_disk", "nodes", "Hydrant", "manifest", "{"}

// Every command of the documentation is one that the program takes: its name, its flags and their values. A block that begins
// with something unknown fails: write its name above, or correct it.
func TestDocsCommands(t *testing.T) {
	t.Setenv("REPLAY_KEY", "the key that a page speaks of")
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, page := range append(pages, "../../README.md") {
		for _, c := range commandsOf(t, page, readDoc(t, page)) {
			checked += checkLine(t, page, c.line)
		}
	}
	if checked < 40 {
		t.Errorf("only %d commands of hydrant were found", checked)
	}
}

func TestDocsCommandsFindsMistakes(t *testing.T) {
	for _, line := range []string{"hydrant serve --confg x", "hydrant srve", "hydrant check hydrant.yaml", "curl x | hydrant bench --siez 1", "hydrnat serve"} {
		if _, err := judgeLine(line); err == nil {
			t.Errorf("%q passes", line)
		}
	}
}

var (
	fence      = regexp.MustCompile("^ *```(.*)$")
	codeSpan   = regexp.MustCompile("`([^`]+)`")
	assignment = regexp.MustCompile(`^\w+=`)
	heredoc    = regexp.MustCompile(`<<-?'?(\w+)'?`)
	comment    = regexp.MustCompile(`\s{2,}[^\s-].*$|\s+#.*$`)
)

// shownCommand is a command line as a page shows it.
type shownCommand struct {
	line  string
	prose bool // within the text, which may only name a command
	tour  bool // in a block of README's tour, with the text of its here-documents left out
}

// commandsOf returns the command lines of a page: of sh blocks, of indented blocks, and of code within the text.
func commandsOf(t *testing.T, page, text string) (commands []shownCommand) {
	t.Helper()
	lines := strings.Split(text, "\n")
	var paragraph []string
	endParagraph := func() {
		commands = append(commands, spokenOf(strings.Join(paragraph, " "))...)
		paragraph = nil
	}
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		m := fence.FindStringSubmatch(line)
		switch {
		case m != nil:
			endParagraph()
			end := i + 1 + slices.IndexFunc(lines[i+1:], func(l string) bool { return strings.TrimSpace(l) == "```" })
			if language, use, _ := strings.Cut(m[1], " "); language == "sh" {
				for _, l := range shellLines(lines[i+1 : end]) {
					commands = append(commands, shownCommand{line: l, tour: use == "tour"})
				}
			} else if !slices.Contains([]string{"yaml", "json", "hcl"}, language) {
				t.Errorf("%s:%d: a block of %q: this test knows sh, yaml, json and hcl", page, i+1, m[1])
			}
			i = end
		case strings.HasPrefix(line, "    "):
			endParagraph()
			end := i
			for end < len(lines) && strings.HasPrefix(lines[end], "    ") {
				end++
			}
			for _, l := range indented(t, page, i, lines[i:end]) {
				commands = append(commands, shownCommand{line: l})
			}
			i = end - 1
		case strings.TrimSpace(line) == "":
			endParagraph()
		default:
			paragraph = append(paragraph, strings.TrimSpace(line))
		}
	}
	endParagraph()
	return commands
}

// spokenOf returns the commands within a text: code of more than one word that begins with a program's name.
func spokenOf(text string) (commands []shownCommand) {
	for _, m := range codeSpan.FindAllStringSubmatch(text, -1) {
		words := strings.Fields(m[1])
		for len(words) > 0 && assignment.MatchString(words[0]) {
			words = words[1:]
		}
		if len(words) > 1 && slices.Contains(programs, words[0]) {
			commands = append(commands, shownCommand{line: m[1], prose: true})
		}
	}
	return commands
}

// indented returns the commands of an indented block; none where it is a picture, a formula or YAML.
func indented(t *testing.T, page string, number int, block []string) (commands []string) {
	t.Helper()
	block = slices.DeleteFunc(slices.Clone(block), func(l string) bool { return strings.HasPrefix(strings.TrimSpace(l), "#") })
	if len(block) == 0 {
		return nil
	}
	first := strings.TrimPrefix(strings.Fields(block[0])[0], "./")
	switch {
	case slices.Contains(programs, first) || strings.Contains(first, "="):
	case slices.Contains(otherBlocks, first) || strings.HasSuffix(first, ":"):
		return nil
	default:
		t.Errorf("%s:%d: a block that begins with %q is not known to this test", page, number+1, first)
		return nil
	}
	for _, line := range shellLines(block) {
		if line = comment.ReplaceAllString(strings.TrimSpace(line), ""); line != "" && !strings.HasSuffix(strings.Fields(line)[0], ":") {
			commands = append(commands, line)
		}
	}
	return commands
}

// shellLines joins lines that go on and leaves the text of here-documents out. A deeper indentation goes on with the line above.
func shellLines(block []string) (lines []string) {
	for i := 0; i < len(block); i++ {
		line := block[i]
		for strings.HasSuffix(line, `\`) && i+1 < len(block) {
			i++
			line = strings.TrimSuffix(line, `\`) + " " + strings.TrimSpace(block[i])
		}
		if m := heredoc.FindStringSubmatch(line); m != nil {
			for i+1 < len(block) && block[i+1] != m[1] {
				i++
			}
			i++
		}
		lines = append(lines, line)
	}
	return lines
}

func checkLine(t *testing.T, page, line string) int {
	t.Helper()
	n, err := judgeLine(line)
	if err != nil {
		t.Errorf("%s: %s: %v", page, line, err)
	}
	return n
}

// judgeLine judges each command of a line, and returns how many of them are hydrant's.
func judgeLine(line string) (ours int, err error) {
	for _, words := range commandsIn(line) {
		for len(words) > 0 && assignment.MatchString(words[0]) {
			words = words[1:]
		}
		if len(words) == 0 {
			continue
		}
		program := strings.TrimPrefix(words[0], "./")
		if len(words) > 3 && strings.Join(words[:3], " ") == "go run ./cmd/hydrant" {
			program, words = "hydrant", words[2:]
		}
		switch {
		case !slices.Contains(programs, program):
			return ours, fmt.Errorf("%q is no program that this test knows", program)
		case program == "hydrant":
			ours++
			if err := judge(words[1:]); err != nil {
				return ours, err
			}
		case program == "bash" && len(words) > 1:
			if _, err := os.Stat(filepath.Join("../..", words[1])); err != nil {
				return ours, err
			}
		}
	}
	return ours, nil
}

// judge has the program's own parser read a command. One that is not whole is only named, not shown.
func judge(arguments []string) error {
	_, err := newParser(console{Out: io.Discard, Err: io.Discard}, func(int) {}).Parse(arguments)
	for _, incomplete := range []string{"missing flags", "expected one of", `expected "`, "expected string value", "one is needed", "no such file", "no such directory"} {
		if err != nil && strings.Contains(err.Error(), incomplete) {
			return nil
		}
	}
	return err
}

// commandsIn cuts a line of shell into commands and their words; what goes to files is left out.
func commandsIn(line string) (commands [][]string) {
	var words []string
	var word strings.Builder
	var quote rune
	started := false
	endWord := func() {
		if started {
			words = append(words, word.String())
		}
		word.Reset()
		started = false
	}
	endCommand := func() {
		endWord()
		if i := slices.IndexFunc(words, func(w string) bool { return w == ">" || strings.HasPrefix(w, "<<") }); i >= 0 {
			words = words[:i]
		}
		if len(words) > 0 {
			commands = append(commands, words)
		}
		words = nil
	}
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote, started = r, true
		case quote == 0 && (r == '|' || r == ';' || r == '&'):
			endCommand()
		case quote == 0 && (r == ' ' || r == '\t'):
			endWord()
		default:
			word.WriteRune(r)
			started = true
		}
	}
	endCommand()
	return commands
}
