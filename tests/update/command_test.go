package update

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// document writes a document of shapes to a new file, with edits, and returns its path.
func document(t *testing.T, shape string, edits ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), shape)
	write(t, path, string(edited(t, shapes+shape, edits...)))
	return path
}

func TestUpdateTakesARevisionAndDiffOnlyReportsIt(t *testing.T) {
	t.Parallel()
	root := seededTree(t)
	before := snapshot(t, root)
	path := document(t, "09-root-security.yaml", "Which product", "What product")
	code, reported, stderr := specgen(t, root, "diff", "-partial", "-date", "2020-02-02", path)
	if code != exitOK || stderr != "" {
		t.Fatalf("diff: exit code %d: %s", code, stderr)
	}
	unchanged(t, root, before)
	code, done, stderr := specgen(t, root, "update", "-partial", "-date", "2020-02-02", path)
	if code != exitOK || stderr != "" {
		t.Fatalf("update: exit code %d: %s", code, stderr)
	}
	if diff := cmp.Diff(reported, done); diff != "" {
		t.Errorf("the reports differ (-diff +update)\n%s", diff)
	}
	if cmp.Equal(before, snapshot(t, root)) {
		t.Error("update changed nothing")
	}
	if code, out, stderr := specgen(t, root, "check"); code != exitOK {
		t.Errorf("check after update: exit code %d: %s%s", code, out, stderr)
	}
	if code, out, _ := specgen(t, root, "update", "-partial", path); code != exitOK || !strings.HasPrefix(out, "none: ") {
		t.Errorf("the same update again: exit code %d: %s", code, out)
	}
}

func TestExitCodeIsTheClass(t *testing.T) {
	t.Parallel()
	root := seededTree(t)
	before := snapshot(t, root)
	packed := filepath.Join(t.TempDir(), "packed.gz")
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(read(t, shapes+"10-inline.yaml")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, packed, b.String())
	tests := map[string]struct {
		args  []string
		code  int
		class string
	}{
		"documentation": {[]string{"-partial", document(t, "09-root-security.yaml", "example: tunnel", "example: other")}, exitOK, "documentation"},
		"compatible": {[]string{"-partial", document(t, "09-root-security.yaml", "    service: {", "    service: {pattern: '^[a-z]*$', ")},
			exitCompatible, "compatible"},
		"breaking": {[]string{"-partial", document(t, "09-root-security.yaml", "    status: {", "    status: {nullable: true, ")},
			exitBreaking, "breaking"},
		"packed":                                {[]string{"-partial", packed}, exitBreaking, "breaking"},
		"complete, but with one operation only": {[]string{seedShape}, exitBreaking, "breaking"},
		"refused":                               {[]string{"-partial", document(t, "04-range.yaml", "api_key: []", "other_key: []")}, exitRefused, "refused"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for i, arg := range tt.args {
				if !strings.HasPrefix(arg, "-") {
					tt.args[i], _ = filepath.Abs(arg)
				}
			}
			code, out, stderr := specgen(t, root, append([]string{"diff", "-json"}, tt.args...)...)
			if code != tt.code {
				t.Errorf("exit code %d, want %d: %s", code, tt.code, stderr)
			}
			var report struct {
				Class      string
				Refusal    string
				Operations []struct {
					Name    string
					Changes []struct{ Class, Pointer, Meaning string }
				}
				Files []string
			}
			if err := json.Unmarshal([]byte(out), &report); err != nil {
				t.Fatalf("not JSON: %v\n%s", err, out)
			}
			if report.Class != tt.class {
				t.Errorf("class %q, want %q", report.Class, tt.class)
			}
			if report.Operations == nil || report.Files == nil || strings.Contains(out, ": null") {
				t.Errorf("a list is null: %s", out)
			}
			refused := tt.class == "refused"
			if (report.Refusal != "") != refused || (stderr != "") != refused || strings.Count(stderr, "\n") > 1 {
				t.Errorf("refusal %q, stderr %q", report.Refusal, stderr)
			}
			if refused && (strings.Contains(stderr, report.Refusal) || !strings.Contains(stderr, "the report on standard output has the reason; no file was changed")) {
				t.Errorf("stderr repeats the reason, or does not name its place: %q", stderr)
			}
		})
	}
	unchanged(t, root, before)
}

func TestWrongUsageIsExplained(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		nil, {"unknown"}, {"generate", "extra"},
		{"update"}, {"diff", "a", "b"}, {"update", ""}, {"update", "-date", "today", "a"}, {"diff", "-no-such", "a"},
	} {
		code, out, stderr := specgen(t, t.TempDir(), args...)
		if code != exitUsage || out != "" || !strings.Contains(stderr, "usage: specgen ") {
			t.Errorf("%q: exit code %d, stdout %q, stderr %q", args, code, out, stderr)
		}
	}
	if code, _, stderr := specgen(t, t.TempDir(), "diff", "-h"); code != exitOK || !strings.Contains(stderr, "-partial") {
		t.Errorf("-h: exit code %d, %q", code, stderr)
	}
}

// The test sends the signal as soon as the command has made the temporary folder in
// which it compiles the new code.
func TestSignalLeavesTheTreeUnchanged(t *testing.T) {
	t.Parallel()
	root := seededTree(t)
	before := snapshot(t, root)
	otherCode := filepath.Join(t.TempDir(), "region.yaml")
	write(t, otherCode, string(changed(t, serviceProperty, serviceProperty+"        region: {type: string}\n")))
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		temp := t.TempDir()
		cmd := exec.CommandContext(t.Context(), command, "update", "-partial", otherCode)
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "TMPDIR="+temp)
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
			compiling, err := filepath.Glob(filepath.Join(temp, "update-*"))
			if err != nil || time.Now().After(deadline) {
				t.Fatalf("the new code was never compiled: %v", err)
			}
			if len(compiling) > 0 {
				break
			}
		}
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // the exit code is checked
		if code := cmd.ProcessState.ExitCode(); code != exitFailed {
			t.Errorf("%v: exit code %d, want %d", signal, code, exitFailed)
		}
		if got := stderr.String(); !strings.HasPrefix(got, "specgen: interrupted: ") || strings.Count(got, "\n") != 1 || stdout.Len() != 0 {
			t.Errorf("%v: stderr %q, stdout %q", signal, got, stdout.String())
		}
		unchanged(t, root, before)
		// Files left by the go command do not count.
		if left, err := filepath.Glob(filepath.Join(temp, "update-*")); err != nil || len(left) != 0 {
			t.Errorf("%v: left in the temporary folder: %v, %v", signal, left, err)
		}
	}
}

// If a process is killed while it writes, some files are new and the rest old. The
// command specgen check must refuse each such tree.
func TestCheckFindsATreeWrittenInPart(t *testing.T) {
	t.Parallel()
	root := seededTree(t)
	old := snapshot(t, root)
	if code, _, stderr := specgen(t, root, "update", "-partial", document(t, "09-root-security.yaml", "Which product", "What product")); code != exitOK {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	updated := snapshot(t, root)
	changed := differing(old, updated)
	if len(changed) < 4 {
		t.Fatalf("only %q changed", changed)
	}
	for written := range len(changed) + 1 {
		for i, name := range changed {
			content := old[name]
			if i < written {
				content = updated[name]
			}
			write(t, filepath.Join(root, name), content)
		}
		code, out, stderr := specgen(t, root, "check")
		if whole := written == 0 || written == len(changed); (code == exitOK) != whole {
			t.Errorf("with %d of %q written: exit code %d\n%s%s", written, changed, code, stderr, strings.SplitN(out, "\n", 2)[0])
		}
	}
}
