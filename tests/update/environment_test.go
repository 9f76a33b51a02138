package update

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/internal/update"
	"github.com/certuse/cloudflare-mtls/tests/internal/modulecopy"
)

// Exit codes of specgen.
const (
	exitOK         = 0
	exitFailed     = 1
	exitUsage      = 2
	exitCompatible = 3
	exitBreaking   = 4
	exitRefused    = 5
)

// A fault of the machine or of the tree does not concern the document: the command
// fails with exit code 1, not with that of a refusal, and no file changes.
func TestFaultsOfTheEnvironmentAreNoRefusals(t *testing.T) {
	t.Parallel()
	document, err := filepath.Abs(current)
	if err != nil {
		t.Fatal(err)
	}
	otherCode := filepath.Join(filepath.Dir(document), "2-collision.yaml") // changes the Go code, which is then compiled
	full := func(t *testing.T, cmd *exec.Cmd) {
		device, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Skipf("this system has no device that is always full: %v", err)
		}
		t.Cleanup(func() { _ = device.Close() })
		cmd.Stdout = device
	}
	env := func(variables ...string) func(*testing.T, *exec.Cmd) {
		return func(t *testing.T, cmd *exec.Cmd) { cmd.Env = append(os.Environ(), variables...) }
	}
	empty := t.TempDir()
	for name, tt := range map[string]struct {
		prepare func(t *testing.T, cmd *exec.Cmd)
		args    []string
		want    string
	}{
		"report cannot be written":              {full, []string{"update", "-partial", document}, "no space left"},
		"report in JSON cannot be written":      {full, []string{"update", "-partial", "-json", document}, "no space left"},
		"report of a refusal cannot be written": {full, []string{"diff", "-partial", "-json", filepath.Join(filepath.Dir(document), "..", "contract.json")}, "no space left"},
		"no temporary folder":                   {env("TMPDIR=" + filepath.Join(empty, "missing")), []string{"update", "-partial", otherCode}, "no such file"},
		"no module cache":                       {env("GOMODCACHE="+empty, "GOPROXY=off", "GOFLAGS=-modcacherw"), []string{"update", "-partial", otherCode}, "GOPROXY"},
		"no go command":                         {env("PATH=" + empty), []string{"update", "-partial", otherCode}, "executable file not found"},
		"document is a folder":                  {nil, []string{"update", "-partial", empty}, "is a directory"},
		"document is not there":                 {nil, []string{"update", "no-such-file"}, "no such file"},
		"a file to write is a folder": {func(t *testing.T, cmd *exec.Cmd) {
			name := filepath.Join(cmd.Dir, "generated/client.gen.go")
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(name, 0o750); err != nil {
				t.Fatal(err)
			}
		}, []string{"update", "-partial", document}, "is a directory"},
		"the disk is full": {func(t *testing.T, cmd *exec.Cmd) {
			// With this limit for the size of files, only small files can be staged.
			cmd.Args = append([]string{"sh", "-c", `trap "" XFSZ; ulimit -f 8; exec "$0" "$@"`}, cmd.Args...)
			if cmd.Path, err = exec.LookPath("sh"); err != nil {
				t.Skip(err)
			}
		}, []string{"update", "-partial", document}, "file too large"},
		"the module does not compile before the update": {func(t *testing.T, cmd *exec.Cmd) {
			write(t, filepath.Join(cmd.Dir, "internal/strictjson/values.go"), "package strictjson\n\nfunc broken() { undefined() }\n")
		}, []string{"update", "-partial", otherCode}, "not in order before the update"},
		"generated is missing": {func(t *testing.T, cmd *exec.Cmd) {
			remove(t, cmd.Dir, "generated")
		}, []string{"update", "-partial", document}, "generated: no such file or directory: run 'make generate' first"},
		"the stored text was edited": {func(t *testing.T, cmd *exec.Cmd) {
			name := filepath.Join(cmd.Dir, "openapi/zones.json")
			write(t, name, string(read(t, name))+" ")
		}, []string{"update", "-partial", document}, "not in order before the update"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := seededTree(t)
			cmd := exec.CommandContext(t.Context(), command, tt.args...)
			cmd.Dir = root
			if tt.prepare != nil {
				tt.prepare(t, cmd)
			}
			before := snapshot(t, root)
			code, _, stderr := finished(t, cmd)
			if code != exitFailed || !strings.Contains(stderr, tt.want) || strings.Contains(stderr, "refused: ") && tt.want != "no space left" {
				t.Errorf("exit code %d, stderr %q, want %d with %q", code, stderr, exitFailed, tt.want)
			}
			unchanged(t, root, before)
		})
	}
}

func TestTheSecondOfTwoConcurrentRunsFails(t *testing.T) {
	t.Parallel()
	root := seededTree(t)
	document, err := filepath.Abs(current)
	if err != nil {
		t.Fatal(err)
	}
	release, err := update.Lock(root)
	if err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, root)
	for _, args := range [][]string{{"update", "-partial", document}, {"generate"}} {
		code, out, stderr := specgen(t, root, args...)
		if code != exitFailed || out != "" || !strings.Contains(stderr, "another run is changing this tree") {
			t.Errorf("%q: exit code %d, stdout %q, stderr %q", args, code, out, stderr)
		}
	}
	if code, _, stderr := specgen(t, root, "check"); code != exitOK {
		t.Errorf("check: exit code %d, %q", code, stderr)
	}
	unchanged(t, root, before)
	if err := release(); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := specgen(t, root, "generate"); code != exitOK {
		t.Errorf("after the end of the first run: exit code %d, %q", code, stderr)
	}
}

// A killed process cannot remove its staged files, so the next run must.
func TestLeftoversOfAKilledRunAreRemoved(t *testing.T) {
	t.Parallel()
	root := seededTree(t)
	before := snapshot(t, root)
	staging := filepath.Join(root, "_staged-1.tmp")
	if err := os.Mkdir(staging, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(staging, "0"), "half of it")
	if code, _, stderr := specgen(t, root, "generate"); code != exitOK {
		t.Fatalf("exit code %d, %q", code, stderr)
	}
	unchanged(t, root, before)
}

func TestMakeTargetsWorkWithoutGeneratedCodeAndWithSpacesInThePath(t *testing.T) {
	t.Parallel()
	tool, err := exec.LookPath("make")
	if err != nil {
		t.Skipf("make is not installed: %v", err)
	}
	root := filepath.Join(t.TempDir(), "a folder with spaces")
	if err := os.Mkdir(root, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := modulecopy.Copy(moduleRoot, root, "Makefile", "gen.go", "go.mod", "go.sum", "openapi", "overlays", "internal"); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), tool, args...)
		cmd.Dir = root
		// The variables of the make that may run this test are removed.
		cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
			return strings.HasPrefix(v, "MAKE") || strings.HasPrefix(v, "MFLAGS=")
		})
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("make %q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	run("generate")
	want, err := modulecopy.Snapshot(filepath.Join(moduleRoot, "generated"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, snapshot(t, filepath.Join(root, "generated"))); diff != "" {
		t.Errorf("generated/ (-committed +made)\n%s", diff)
	}
	run("check-generated")
	for _, name := range []string{"my document.json", `Bob's "own" document.json`, "-partial"} {
		write(t, filepath.Join(root, name), string(read(t, filepath.Join(root, "openapi/zones.json"))))
		if out := run("spec-diff", "PARTIAL=1", "SPEC="+name, "SOURCE=Bob's list"); !strings.HasPrefix(out, "none: ") || !strings.Contains(out, "source: Bob's list, ") {
			t.Errorf("spec-diff of %s: %s", name, out)
		}
	}
}
