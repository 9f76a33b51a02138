// Package update tests the promises about taking a revision of the vendor's document:
// it is taken whole or not at all, and its changes are reported.
package update

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/certuse/cloudflare-mtls/internal/compare"
	"github.com/certuse/cloudflare-mtls/internal/update"
	"github.com/certuse/cloudflare-mtls/tests/internal/modulecopy"
)

const (
	moduleRoot = "../.."
	shapes     = moduleRoot + "/internal/update/testdata/shapes/"
	families   = moduleRoot + "/internal/update/testdata/family/"
	// seedShape is the document from which seededTree takes the texts of its operations.
	seedShape = shapes + "09-root-security.yaml"
)

// command is the built specgen, and seeded the tree that tests copy.
var command, seeded string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "update-test-")
		if err != nil {
			panic(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		// The tests compile copies of the module in folders of their own. Without paths
		// in the results, the copies share the build cache.
		if err := os.Setenv("GOFLAGS", os.Getenv("GOFLAGS")+" -trimpath"); err != nil {
			panic(err)
		}
		command, seeded = filepath.Join(dir, "specgen"), filepath.Join(dir, "tree")
		if out, err := exec.Command("go", "build", "-o", command, "../../internal/cmd/specgen").CombinedOutput(); err != nil {
			panic(fmt.Sprintf("%v\n%s", err, out))
		}
		if err := os.Mkdir(seeded, 0o750); err != nil {
			panic(err)
		}
		if err := modulecopy.Copy(moduleRoot, seeded, modulecopy.PipelineInputs...); err != nil {
			panic(err)
		}
		if err := modulecopy.Seed(context.Background(), seeded, seedShape); err != nil {
			panic(err)
		}
		return m.Run()
	}())
}

// seededTree returns a copy of the pipeline's part of the module. In the copy, the
// operations of seedShape have the texts of seedShape, not those in openapi/.
func seededTree(t testing.TB) string {
	t.Helper()
	root := t.TempDir()
	if err := modulecopy.Copy(seeded, root, "."); err != nil {
		t.Fatal(err)
	}
	return root
}

// moduleTree returns a copy of parts of the module.
func moduleTree(t testing.TB, parts ...string) string {
	t.Helper()
	root := t.TempDir()
	if err := modulecopy.Copy(moduleRoot, root, parts...); err != nil {
		t.Fatal(err)
	}
	return root
}

// snapshot returns the contents of all files below root.
func snapshot(t testing.TB, root string) map[string]string {
	t.Helper()
	out, err := modulecopy.Snapshot(root)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// unchanged fails if a file below root has changed.
func unchanged(t testing.TB, root string, before map[string]string) {
	t.Helper()
	for _, name := range differing(before, snapshot(t, root)) {
		t.Errorf("%s changed", name)
	}
}

// differing returns the names of the files that differ between two trees.
func differing(a, b map[string]string) []string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return slices.DeleteFunc(slices.Sorted(maps.Keys(all)), func(name string) bool {
		x, inA := a[name]
		y, inB := b[name]
		return inA && inB && x == y
	})
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// edited returns the content of a file with edits: pairs of an old and a new text.
func edited(t testing.TB, path string, edits ...string) []byte {
	t.Helper()
	text := string(read(t, path))
	for i := 0; i < len(edits); i += 2 {
		if !strings.Contains(text, edits[i]) {
			t.Fatalf("%q is not in %s", edits[i], path)
		}
		text = strings.ReplaceAll(text, edits[i], edits[i+1])
	}
	return []byte(text)
}

// changed returns seedShape with edits. Each edit applies only at the first place.
func changed(t testing.TB, edits ...string) []byte {
	t.Helper()
	text := string(read(t, seedShape))
	for i := 0; i < len(edits); i += 2 {
		if !strings.Contains(text, edits[i]) {
			t.Fatalf("%q is not in the document", edits[i])
		}
		text = strings.Replace(text, edits[i], edits[i+1], 1)
	}
	return []byte(text)
}

// request returns the request for an update from a partial document.
func request(root, path string, data []byte) update.Request {
	return update.Request{Root: root, Name: filepath.Base(path), Data: data, Partial: true, Retrieved: "2020-02-02"}
}

func take(t testing.TB, root, path string, data []byte) compare.Report {
	t.Helper()
	return apply(t, request(root, path, data))
}

func apply(t testing.TB, req update.Request) compare.Report {
	t.Helper()
	plan, err := update.Prepare(t.Context(), req)
	if err != nil {
		t.Fatalf("%s: %v", req.Name, err)
	}
	if plan.Report.Class == compare.Refused {
		t.Fatalf("%s: refused: %s", req.Name, plan.Report.Refusal)
	}
	if err := plan.Apply(t.Context()); err != nil {
		t.Fatalf("%s: %v", req.Name, err)
	}
	return plan.Report
}

// refusal returns the report of a document that must be refused.
func refusal(t testing.TB, req update.Request) compare.Report {
	t.Helper()
	plan, err := update.Prepare(t.Context(), req)
	if err != nil || plan.Report.Class != compare.Refused || plan.Report.Refusal == "" {
		t.Fatalf("%s: plan %+v, error %v, want a refusal", req.Name, plan, err)
	}
	return plan.Report
}

// fresh fails unless generated/ equals the generation from the tree.
func fresh(t testing.TB, root string) {
	t.Helper()
	files, err := update.Regenerate(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	if diff, err := update.Stale(root, files); err != nil || diff != "" {
		t.Errorf("generated/ does not fit openapi/ and overlays/: %v\n%s", err, diff)
	}
}

// find returns an operation's first change at a JSON pointer that ends with pointer or
// goes through it, and false if there is none.
func find(r compare.Report, operation, pointer string) (compare.Change, bool) {
	for _, op := range r.Operations {
		for _, change := range op.Changes {
			if op.Name == operation && (strings.HasSuffix(change.Pointer, pointer) || strings.Contains(change.Pointer, pointer+"/")) {
				return change, true
			}
		}
	}
	return compare.Change{}, false
}

// specgen runs the command in root.
func specgen(t testing.TB, root string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command, args...)
	cmd.Dir = root
	return finished(t, cmd)
}

func finished(t testing.TB, cmd *exec.Cmd) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	if cmd.Stdout == nil {
		cmd.Stdout = &out
	}
	cmd.Stderr = &errs
	err := cmd.Run()
	if failed, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatal(failed, err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}
