// Package supplychain tests the promises about dependencies: the licences of linked
// modules, and that a skipped check reports it.
package supplychain

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/licensecheck"
)

var update = flag.Bool("update", false, "write the list of licences")

const list = "../../THIRD_PARTY.md"

// allowed are licences that require only their text to be distributed, and do not
// concern the source of a program that links the code.
var allowed = []string{"MIT", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "ISC", "Unlicense"}

type module struct {
	Path, Dir string
	Main      bool
}

// linked returns the modules of a package and its dependencies, on any platform of a
// release.
func linked(t *testing.T, pkg string) []module {
	t.Helper()
	var all []module
	for _, platform := range []string{"linux", "darwin", "windows"} {
		command := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{\"Path\":{{printf \"%q\" .Path}},\"Dir\":{{printf \"%q\" .Dir}}}{{end}}{{end}}", pkg)
		command.Dir = "../.."
		command.Env = append(os.Environ(), "GOOS="+platform)
		out, err := command.Output()
		if err != nil {
			t.Fatal(err)
		}
		for decoder := json.NewDecoder(strings.NewReader(string(out))); decoder.More(); {
			var m module
			if err := decoder.Decode(&m); err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(all, m) {
				all = append(all, m)
			}
		}
	}
	slices.SortFunc(all, func(a, b module) int { return cmp.Compare(a.Path, b.Path) })
	return all
}

// licences names the licences whose texts a module contains.
func licences(t *testing.T, m module) []string {
	t.Helper()
	var found []string
	for _, pattern := range []string{"LICEN[CS]E*", "COPYING*", "UNLICENSE*"} {
		files, err := filepath.Glob(filepath.Join(m.Dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			coverage := licensecheck.Scan(text)
			for _, match := range coverage.Match {
				if coverage.Percent > 50 && !slices.Contains(found, match.ID) {
					found = append(found, match.ID)
				}
			}
		}
	}
	slices.Sort(found)
	return found
}

func TestLicencesOfLinkedModulesAreAllowedAndListed(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("# Third-party code\n\nWritten by `make licences`. The texts are in the modules themselves, and in\nthe LICENSES.txt of a release.\n")
	for _, part := range []struct{ title, pkg string }{
		{"The library, package `api`", "./api"},
		{"The command, `certuse`", "./cmd/certuse"},
	} {
		fmt.Fprintf(&b, "\n## %s\n\n| module | licence |\n|---|---|\n", part.title)
		modules := linked(t, part.pkg)
		if len(modules) == 0 {
			t.Errorf("%s: no modules found", part.pkg)
		}
		for _, m := range modules {
			found := licences(t, m)
			if len(found) == 0 {
				t.Errorf("%s: no licence recognised", m.Path)
			}
			for _, licence := range found {
				if !slices.Contains(allowed, licence) {
					t.Errorf("%s: %s is not on the list of allowed licences", m.Path, licence)
				}
			}
			fmt.Fprintf(&b, "| %s | %s |\n", m.Path, strings.Join(found, ", "))
		}
	}
	if *update {
		if err := os.WriteFile(list, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	if string(committed) != b.String() {
		t.Errorf("THIRD_PARTY.md is stale: run make licences. It should be\n%s", b.String())
	}
}

func TestReleaseHoldsLicencesNotesAndCompletions(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"bash", "awk", "find"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is missing: %v", program, err)
		}
	}
	files := func(section, folder string) (string, error) {
		out, err := exec.CommandContext(t.Context(), "bash", "../../.ci/release-files", section, folder).CombinedOutput()
		return string(out), err
	}
	folder := filepath.Join(t.TempDir(), "of a release")
	if out, err := files("Unreleased", folder); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Error(err)
		}
		return string(text)
	}
	texts := read("LICENSES.txt")
	if documents, err := os.ReadFile("../../openapi/LICENSE"); err != nil || !strings.Contains(texts, string(documents)) {
		t.Errorf("LICENSES.txt lacks the licence of the OpenAPI documents: %v", err)
	}
	for _, m := range linked(t, "./cmd/certuse") {
		_, text, found := strings.Cut(texts, "\n== "+m.Path+" v")
		text, _, _ = strings.Cut(text, "\n== ")
		if !found || licensecheck.Scan([]byte(text)).Percent < 50 {
			t.Errorf("LICENSES.txt lacks the licence of %s", m.Path)
		}
	}
	for name, want := range map[string]string{
		"notes.md": "### Added", "completions/certuse.bash": "__start_certuse", "completions/_certuse": "#compdef certuse",
		"completions/certuse.fish": "complete -c certuse", "completions/certuse.ps1": "Register-ArgumentCompleter",
	} {
		if !strings.Contains(read(name), want) {
			t.Errorf("%s lacks %q", name, want)
		}
	}
	if strings.Contains(read("notes.md"), "\n## ") {
		t.Error("the notes hold more than one section")
	}
	if out, err := files("0.0.0", t.TempDir()); err == nil || !strings.Contains(out, "no section [0.0.0]") {
		t.Errorf("a version that the changelog lacks: %v\n%s", err, out)
	}
}
