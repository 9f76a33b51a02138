// Package readme tests the documents. The commands of the README exist and print what
// it shows, its Go code is a tested Example, and it stays short. The code of api's
// package comment is a tested Example too, and each sentence of that comment and of
// SECURITY.md has a test or a reason for having none. CONTRIBUTING begins with a map of
// the code. The documents name, and link to, only files and make targets that exist.
package readme

import (
	"bytes"
	"errors"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	moduleRoot = "../.."
	maxLines   = 200
)

type block struct {
	language, text string
	line           int
}

func readme(t *testing.T) string { return document(t, "README.md") }

func document(t *testing.T, name string) string {
	t.Helper()
	return contents(t, moduleRoot, name)
}

// documents are the entry documents of the repository.
var documents = []string{"README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"}

// blocks returns the fenced blocks of a Markdown text.
func blocks(text string) []block {
	var out []block
	inside := false
	for i, line := range strings.Split(text, "\n") {
		language, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && !inside:
			out = append(out, block{language: language, line: i + 1})
			inside = true
		case fence:
			inside = false
		case inside:
			out[len(out)-1].text += line + "\n"
		}
	}
	return out
}

func TestReadmeIsShort(t *testing.T) {
	t.Parallel()
	if n := strings.Count(readme(t), "\n"); n >= maxLines {
		t.Errorf("%d lines, want fewer than %d", n, maxLines)
	}
}

// Each kind of block except a diagram has a test below.
func TestEveryBlockIsOfATestedKind(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for _, b := range blocks(readme(t)) {
		seen[b.language]++
		if !slices.Contains([]string{"sh", "go", "text", "diagram"}, b.language) {
			t.Errorf("line %d: no test for a block of %q", b.line, b.language)
		}
	}
	if seen["sh"] == 0 || seen["go"] == 0 || seen["text"] == 0 {
		t.Errorf("found %v: the README lacks commands, code or output", seen)
	}
}

func TestGoBlocksAreTestedExamples(t *testing.T) {
	t.Parallel()
	bodies := exampleBodies(t)
	for _, b := range blocks(readme(t)) {
		if b.language != "go" {
			continue
		}
		if !slices.ContainsFunc(bodies, func(body string) bool { return strings.Contains(body, normal(b.text)) }) {
			t.Errorf("line %d: the code is in no Example:\n%s", b.line, b.text)
		}
	}
}

// exampleBodies returns the source of every Example that has checked output.
func exampleBodies(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, pattern := range []string{"api/*_test.go", "api/*/*_test.go"} {
		files, err := filepath.Glob(filepath.Join(moduleRoot, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			fset := token.NewFileSet()
			parsed, err := parser.ParseFile(fset, file, source, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			for _, decl := range parsed.Decls {
				f, ok := decl.(*ast.FuncDecl)
				if !ok || !strings.HasPrefix(f.Name.Name, "Example") {
					continue
				}
				body := string(source[fset.Position(f.Body.Pos()).Offset:fset.Position(f.Body.End()).Offset])
				if strings.Contains(body, "// Output:") || strings.Contains(body, "// Unordered output:") {
					out = append(out, normal(body))
				}
			}
		}
	}
	return out
}

// normal removes indentation, which differs between a README and a function.
func normal(code string) string {
	var b strings.Builder
	for line := range strings.Lines(code) {
		b.WriteString(strings.TrimSpace(line) + "\n")
	}
	return strings.TrimSpace(b.String())
}

func TestGoBlocksAreFormatted(t *testing.T) {
	t.Parallel()
	for _, b := range blocks(readme(t)) {
		if b.language != "go" {
			continue
		}
		formatted, err := format.Source([]byte(b.text))
		if err != nil {
			t.Errorf("line %d: %v", b.line, err)
		} else if diff := cmp.Diff(b.text, string(formatted)); diff != "" {
			t.Errorf("line %d: not gofmt'ed (-README +gofmt)\n%s", b.line, diff)
		}
	}
}

func TestMakeTargetsExist(t *testing.T) {
	t.Parallel()
	makefile := document(t, "Makefile")
	for _, name := range documents {
		named := regexp.MustCompile("(?:\n    |`|```sh\n)make ([a-z][a-z-]+)").FindAllStringSubmatch(document(t, name), -1)
		if len(named) == 0 {
			t.Errorf("%s: no target found", name)
		}
		for _, target := range named {
			if !regexp.MustCompile(`(?m)^` + target[1] + `:`).MatchString(makefile) {
				t.Errorf("%s: there is no 'make %s'", name, target[1])
			}
		}
	}
}

// A command is complete as it stands: bash parses it, no part of it is a placeholder,
// and certuse knows the subcommand and the flags.
func TestCommandsCanBePasted(t *testing.T) {
	t.Parallel()
	certuse := filepath.Join(t.TempDir(), "certuse")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", certuse, moduleRoot+"/cmd/certuse").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	tried := 0
	for _, b := range blocks(readme(t)) {
		if b.language != "sh" {
			continue
		}
		if out, err := exec.CommandContext(t.Context(), "bash", "-n", "-c", b.text).CombinedOutput(); err != nil {
			t.Errorf("line %d: %v\n%s", b.line, err, out)
		}
		if placeholder := regexp.MustCompile(`(?m)…|<\w+>|(^| )[A-Z]{3,}( |$)`).FindString(b.text); placeholder != "" {
			t.Errorf("line %d: %q is a placeholder", b.line, placeholder)
		}
		for line := range strings.Lines(b.text) {
			command, _, _ := strings.Cut(strings.TrimSpace(line), "#")
			words := strings.Fields(command)
			if len(words) < 2 || words[0] != "certuse" {
				continue
			}
			tried++
			out, err := exec.CommandContext(t.Context(), certuse, append(words[1:], "--help")...).CombinedOutput()
			if err != nil || !strings.Contains(string(out), "\n  certuse "+words[1]+" ") {
				t.Errorf("line %d: %s: %v\n%s", b.line, command, err, out)
			}
		}
	}
	if tried < 5 {
		t.Errorf("%d commands of certuse tried", tried)
	}
}

var (
	timestamp = regexp.MustCompile(`\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}:\d{2}Z)?`)
	rayID     = regexp.MustCompile(`ray [0-9a-z]+-[A-Z]+`)
)

// A text block is the output of the last line of the sh block before it, including
// standard error, except dates, times and Ray IDs.
func TestShownOutputIsReal(t *testing.T) {
	t.Parallel()
	variable := func(s string) string {
		return rayID.ReplaceAllString(timestamp.ReplaceAllString(s, "<time>"), "ray <id>")
	}
	all := blocks(readme(t))
	for i, b := range all {
		if b.language != "text" {
			continue
		}
		if i == 0 || all[i-1].language != "sh" {
			t.Fatalf("line %d: output without a command", b.line)
		}
		lines := strings.Split(strings.TrimSpace(all[i-1].text), "\n")
		command := lines[len(lines)-1]
		// The variables of a make that runs this test would change the output.
		cmd := exec.CommandContext(t.Context(), "bash", "-c", "unset MAKEFLAGS MAKELEVEL MFLAGS; "+command)
		cmd.Dir = moduleRoot
		var stdout bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stdout
		err := cmd.Run()
		if exit, failed := errors.AsType[*exec.ExitError](err); err != nil && (!failed || exit.ExitCode() > 5) {
			t.Fatalf("%s: %v", command, err)
		}
		if diff := cmp.Diff(variable(b.text), variable(stdout.String())); diff != "" {
			t.Errorf("line %d: %s (-README +real)\n%s", b.line, command, diff)
		}
	}
}

func TestLinkedFilesExist(t *testing.T) {
	t.Parallel()
	for _, name := range documents {
		for _, link := range regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllStringSubmatch(document(t, name), -1) {
			if _, err := os.Stat(filepath.Join(moduleRoot, link[1])); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// namedFile matches the path of a file or folder of this repository, except one with an
// ellipsis, which stands for several.
var namedFile = regexp.MustCompile("`((?:\\.github|api|cmd|generated|internal|openapi|overlays|tests)/[^` …]*)`")

func TestNamedFilesExist(t *testing.T) {
	t.Parallel()
	for _, name := range documents {
		named := namedFile.FindAllStringSubmatch(document(t, name), -1)
		if len(named) < 3 {
			t.Errorf("%s: found %v", name, named)
		}
		for _, path := range named {
			if _, err := os.Stat(filepath.Join(moduleRoot, path[1])); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// CONTRIBUTING begins with a map of the code: the path of a request and the path of a
// revision, each short, with a file or package in every step.
func TestContributingBeginsWithTheMap(t *testing.T) {
	t.Parallel()
	sections := strings.Split(document(t, "CONTRIBUTING.md"), "\n## ")
	for i, title := range []string{"The path of one request", "The path of one revision of the spec"} {
		if i+1 >= len(sections) {
			t.Fatalf("no section %q", title)
		}
		got, text, _ := strings.Cut(sections[i+1], "\n")
		if got != title {
			t.Errorf("section %d is %q, want %q", i+1, got, title)
		}
		steps := strings.Split(strings.TrimSpace(text), "\n")
		if len(steps) < 5 || len(steps) >= 12 {
			t.Errorf("%s: %d lines, want at least 5 and fewer than 12", title, len(steps))
		}
		for _, step := range steps {
			if !namedFile.MatchString(step) {
				t.Errorf("%s: names no file: %s", title, step)
			}
		}
	}
}
