package main

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// buildCommand compiles the command.
func buildCommand(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "specgen")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

// The signal comes while the generator runs, which a folder of its own shows.
func TestSignalInTheMiddleLeavesTheTreeAlone(t *testing.T) {
	t.Parallel()
	binary := buildCommand(t)
	root := seeded(t)
	before := contents(t, root)
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		temp := t.TempDir()
		path, err := filepath.Abs(document(t, "08-current.json"))
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), binary, "update", path)
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "TMPDIR="+temp)
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
			generating, err := filepath.Glob(filepath.Join(temp, "codegen-*"))
			if err != nil || time.Now().After(deadline) {
				t.Fatalf("the generator never ran: %v", err)
			}
			if len(generating) > 0 {
				break
			}
		}
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		failed, ok := errors.AsType[*exec.ExitError](cmd.Wait())
		if !ok || failed.ExitCode() != exitFailed {
			t.Errorf("%v: %v, want exit code %d", signal, failed, exitFailed)
		}
		if got := stderr.String(); got != "specgen: interrupted: no file was changed\n" || stdout.Len() != 0 {
			t.Errorf("%v: stderr %q, stdout %q", signal, got, stdout.String())
		}
		if diff := cmp.Diff(before, contents(t, root)); diff != "" {
			t.Errorf("%v changed the tree:\n%s", signal, diff)
		}
		// What the go command leaves behind is its own.
		if left, err := filepath.Glob(filepath.Join(temp, "codegen-*")); err != nil || len(left) != 0 {
			t.Errorf("%v: left in the temporary folder: %v, %v", signal, left, err)
		}
	}
}

// A process that is killed while it writes leaves some of the files new and the
// rest old. check must tell each of these trees from a whole one.
func TestCheckTellsATornTree(t *testing.T) {
	t.Parallel()
	root := seeded(t)
	old := contents(t, root)
	if code, _, stderr := specgen(t, root, "update", document(t, "09-root-security.yaml", "Which product", "What product")); code != exitOK {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	updated := contents(t, root)
	var changed []string
	for _, name := range slices.Sorted(maps.Keys(updated)) {
		if old[name] != updated[name] {
			changed = append(changed, name)
		}
	}
	if len(changed) < 4 {
		t.Fatalf("only %q changed", changed)
	}
	write := func(name, content string) {
		if err := os.WriteFile(filepath.Join(root, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for written := range len(changed) + 1 {
		for i, name := range changed {
			if i < written {
				write(name, updated[name])
			} else {
				write(name, old[name])
			}
		}
		code, out, stderr := specgen(t, root, "check")
		if whole := written == 0 || written == len(changed); (code == exitOK) != whole {
			t.Errorf("with %d of %q written: exit code %d\n%s%s", written, changed, code, stderr, strings.SplitN(out, "\n", 2)[0])
		}
	}
}
