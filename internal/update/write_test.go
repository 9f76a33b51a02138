package update

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

func contents(t *testing.T, root string) map[string]string {
	t.Helper()
	out := map[string]string{}
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(root, e.Name()))
		if err != nil {
			out[e.Name()] = "(folder)"
			continue
		}
		out[e.Name()] = string(data)
	}
	return out
}

func fill(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(root, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestWriteReplacesAndAdds(t *testing.T) {
	t.Parallel()
	root := fill(t, map[string]string{"old": "1", "kept": "2"})
	if err := Write(t.Context(), root, map[string][]byte{"old": []byte("3"), "new": []byte("4")}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"old": "3", "kept": "2", "new": "4"}, contents(t, root)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// Builds depend on modification times, so an unchanged file is not rewritten.
func TestWriteLeavesEqualFilesUntouched(t *testing.T) {
	t.Parallel()
	root := fill(t, map[string]string{"same": "1"})
	path := filepath.Join(root, "same")
	past := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	if err := os.Chtimes(path, past, past); err != nil {
		t.Fatal(err)
	}
	if err := Write(t.Context(), root, map[string][]byte{"same": []byte("1")}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if !info.ModTime().Equal(past) {
		t.Errorf("modified at %v", info.ModTime())
	}
}

func TestWriteChangesNothingWhenOneFileCannotBeWritten(t *testing.T) {
	t.Parallel()
	for name, blocked := range map[string]string{
		"a folder stands in its place": "folder",
		"its folder is a file":         "a/file",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := fill(t, map[string]string{"a": "old"})
			if err := os.Mkdir(filepath.Join(root, "folder"), 0o755); err != nil {
				t.Fatal(err)
			}
			before := contents(t, root)
			if err := Write(t.Context(), root, map[string][]byte{"a": []byte("new"), blocked: []byte("new")}); err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(before, contents(t, root)); diff != "" {
				t.Errorf("changed (-before +after)\n%s", diff)
			}
		})
	}
}

func TestWriteMakesTheFolderOfAFile(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if err := Write(t.Context(), root, map[string][]byte{"generated/new": []byte("1")}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"new": "1"}, contents(t, filepath.Join(root, "generated"))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// A run that is killed while it writes leaves staged files and no lock.
func TestLockExcludesOtherRunsAndRemovesLeftovers(t *testing.T) {
	t.Parallel()
	root := filepath.Join(t.TempDir(), "a [folder]")
	for _, dir := range []string{"_staged-1.tmp", "kept", "openapi"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, dir, "0"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, spec.OperationsFile), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	release, err := Lock(root)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"kept": "(folder)", "openapi": "(folder)"}, contents(t, root)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if _, err := Lock(root); err == nil || !strings.HasPrefix(err.Error(), "another run is changing this tree") {
		t.Errorf("a second lock: %v", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	if release, err = Lock(root); err != nil {
		t.Fatalf("after the release: %v", err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
}

func TestStaleShowsWhatDiffers(t *testing.T) {
	t.Parallel()
	want := map[string][]byte{"generated/a.gen.go": []byte("a\n"), "generated/openapi.json": []byte("{}\n")}
	root := fill(t, nil)
	if err := Write(t.Context(), root, want); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "generated/doc.go"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if diff, err := Stale(root, want); err != nil || diff != "" {
		t.Errorf("fresh: %v\n%s", err, diff)
	}
	root = fill(t, nil)
	if err := Write(t.Context(), root, map[string][]byte{"generated/a.gen.go": []byte("b\n"), "generated/old.gen.go": nil}); err != nil {
		t.Fatal(err)
	}
	diff, err := Stale(root, want)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(diff, "\n")
	for _, line := range []string{"-b", "+a", "+++ regenerated/generated/openapi.json", "+{}", "no longer generated: generated/old.gen.go"} {
		if !slices.Contains(lines, line) {
			t.Errorf("no line %q in\n%s", line, diff)
		}
	}
}

func TestFailedSwapRestoresTheFiles(t *testing.T) {
	t.Parallel()
	root := fill(t, map[string]string{"a": "old", "staged-a": "new", "staged-b": "new", "staged-c": "new"})
	at := func(name string) string { return filepath.Join(root, name) }
	changes := []change{
		{path: at("a"), staged: at("staged-a"), old: []byte("old")},
		{path: at("b"), staged: at("staged-b")},
		{path: at("c"), staged: at("staged-c")},
	}
	full := errors.New("disk full")
	err := swap(t.Context(), changes, func(from, to string) error {
		if to == at("c") {
			return full
		}
		return os.Rename(from, to)
	})
	if !errors.Is(err, full) {
		t.Errorf("error %v, want %v", err, full)
	}
	if diff := cmp.Diff(map[string]string{"a": "old", "staged-c": "new"}, contents(t, root)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestWriteReportsFilesThatItCannotRestore(t *testing.T) {
	t.Parallel()
	root := fill(t, map[string]string{"staged-a": "new"})
	changes := []change{{path: filepath.Join(root, "a"), staged: filepath.Join(root, "staged-a")}, {}}
	full := errors.New("disk full")
	err := swap(t.Context(), changes, func(from, _ string) error {
		if from == "" {
			return full
		}
		return os.Remove(from) // so that there is no file to remove
	})
	if !errors.Is(err, full) || !errors.Is(err, os.ErrNotExist) || strings.Contains(err.Error(), "nothing was changed") {
		t.Errorf("error %v, want both errors and no claim that nothing was changed", err)
	}
}
