// Package consumer tests the promises to a module that imports this one:
// the README's way of importing a checkout works, the client and the fake
// server serve a user's own test, and the user's go.mod stays small.
package consumer

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const modulePath = "github.com/certuse/cloudflare-mtls"

// The most that importing the client may add to a user's go.mod and go.sum. go.sum also
// lists the modules that only the tests of the imported packages need.
const (
	maxIndirect = 8
	maxSums     = 30
)

type module struct {
	t   *testing.T
	dir string
}

func newModule(t *testing.T, sources ...string) module {
	t.Helper()
	m := module{t: t, dir: t.TempDir()}
	for _, source := range sources {
		data, err := os.ReadFile(filepath.Join("testdata", "consumer", source))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(m.dir, source), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	checkout, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	m.run("mod", "init", "example.com/inventory")
	m.run("mod", "edit", "-require", modulePath+"@v0.0.0", "-replace", modulePath+"="+checkout)
	m.run("mod", "tidy")
	return m
}

func (m module) run(args ...string) string {
	m.t.Helper()
	cmd := exec.CommandContext(m.t.Context(), "go", args...)
	cmd.Dir = m.dir
	// The checkout may be inside a workspace; the user's module is not.
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	out, err := cmd.CombinedOutput()
	if err != nil {
		m.t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func TestACheckoutCanBeImported(t *testing.T) {
	t.Parallel()
	m := newModule(t, "inventory.go", "inventory_test.go")
	m.run("vet", "./...")
	if out := m.run("test", "-count=1", "-v", "./..."); !strings.Contains(out, "--- PASS: TestServices") {
		t.Errorf("the user's test did not run:\n%s", out)
	}
}

func TestImportingTheClientAddsLittleToGoMod(t *testing.T) {
	t.Parallel()
	m := newModule(t, "inventory.go")
	m.run("build", "./...")
	data, err := os.ReadFile(filepath.Join(m.dir, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	indirect := strings.Count(string(data), "// indirect")
	if indirect > maxIndirect {
		t.Errorf("%d indirect requirements, want at most %d:\n%s", indirect, maxIndirect, data)
	}
	sums, err := os.ReadFile(filepath.Join(m.dir, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(string(sums), "\n"); lines > maxSums {
		t.Errorf("%d lines in go.sum, want at most %d:\n%s", lines, maxSums, sums)
	}
}
