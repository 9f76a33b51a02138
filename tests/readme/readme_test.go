// Package readme holds the README to what it says: its commands exist and
// print what it shows, its Go code is a tested Example, its links point to
// something, and it stays short. It does the same for the code of the package comment
// of api, and requires a test for each sentence of that and of SECURITY.md.
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

func readme(t *testing.T) string {
	t.Helper()
	return contents(t, moduleRoot, "README.md")
}

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

// Each kind of block has a test below; another kind would have none.
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
		t.Errorf("found %v: the README has lost its commands, code or output", seen)
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
			t.Errorf("line %d: the code stands in no Example:\n%s", b.line, b.text)
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
	makefile := contents(t, moduleRoot, "Makefile")
	named := regexp.MustCompile("(?m)(?:^|`)make ([a-z][a-z-]+)").FindAllStringSubmatch(readme(t), -1)
	if len(named) < 2 {
		t.Fatalf("found %v", named)
	}
	for _, target := range named {
		if !regexp.MustCompile(`(?m)^` + target[1] + `:`).MatchString(makefile) {
			t.Errorf("there is no 'make %s'", target[1])
		}
	}
}

var (
	timestamp = regexp.MustCompile(`\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}:\d{2}Z)?`)
	rayID     = regexp.MustCompile(`ray [0-9a-z]+-[A-Z]+`)
)

// A text block is what the last line of the sh block before it prints, on standard
// error too, dates, times and Ray IDs apart.
func TestShownOutputIsTheRealOne(t *testing.T) {
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
		// The make that may run this test is not part of what is shown.
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
	for _, link := range regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllStringSubmatch(readme(t), -1) {
		if _, err := os.Stat(filepath.Join(moduleRoot, link[1])); err != nil {
			t.Error(err)
		}
	}
}
