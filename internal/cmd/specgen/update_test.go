package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/tests/internal/testtree"
)

const shapes = moduleRoot + "/internal/update/testdata/shapes/"

// document writes a shape, with texts replaced, to a file of its own.
func document(t *testing.T, shape string, edits ...string) string {
	t.Helper()
	data, err := os.ReadFile(shapes + shape)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(edits); i += 2 {
		if !bytes.Contains(data, []byte(edits[i])) {
			t.Fatalf("%q is not in %s", edits[i], shape)
		}
		data = bytes.ReplaceAll(data, []byte(edits[i]), []byte(edits[i+1]))
	}
	path := filepath.Join(t.TempDir(), shape)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// seeded copies what the pipeline needs of the module to a folder of its own,
// with an invented document in place of today's.
func seeded(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	if err := testtree.Copy(moduleRoot, root, testtree.PipelineInputs...); err != nil {
		t.Fatal(err)
	}
	if err := testtree.Seed(t.Context(), root, shapes+"09-root-security.yaml"); err != nil {
		t.Fatal(err)
	}
	return root
}

// contents returns all files below root.
func contents(t *testing.T, root string) map[string]string {
	t.Helper()
	out, err := testtree.Snapshot(root)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestUpdateTakesARevisionAndDiffOnlyTellsIt(t *testing.T) {
	t.Parallel()
	root := seeded(t)
	before := contents(t, root)
	path := document(t, "09-root-security.yaml", "Which product", "What product")
	code, told, stderr := specgen(t, root, "diff", "-date", "2020-02-02", path)
	if code != exitOK || stderr != "" {
		t.Fatalf("diff: exit code %d: %s", code, stderr)
	}
	if diff := cmp.Diff(before, contents(t, root)); diff != "" {
		t.Errorf("diff changed the tree:\n%s", diff)
	}
	code, done, stderr := specgen(t, root, "update", "-date", "2020-02-02", path)
	if code != exitOK || stderr != "" {
		t.Fatalf("update: exit code %d: %s", code, stderr)
	}
	if diff := cmp.Diff(told, done); diff != "" {
		t.Errorf("the reports differ (-diff +update)\n%s", diff)
	}
	if cmp.Equal(before, contents(t, root)) {
		t.Error("update changed nothing")
	}
	if code, out, stderr := specgen(t, root, "check"); code != exitOK {
		t.Errorf("check after update: exit code %d: %s%s", code, out, stderr)
	}
	if code, out, _ := specgen(t, root, "update", path); code != exitOK || !strings.HasPrefix(out, "none: ") {
		t.Errorf("the same once more: exit code %d: %s", code, out)
	}
}

func TestExitCodeIsTheClass(t *testing.T) {
	t.Parallel()
	root := seeded(t)
	before := contents(t, root)
	packed := filepath.Join(t.TempDir(), "packed.gz")
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	data, err := os.ReadFile(document(t, "09-root-security.yaml", "Which product", "What product"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(packed, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		path  string
		code  int
		class string
	}{
		"documentation": {packed, exitOK, "documentation"},
		"compatible": {document(t, "09-root-security.yaml", "    service: {", "    service: {pattern: '^[a-z]*$', "),
			exitCompatible, "compatible"},
		"overwritten": {document(t, "09-root-security.yaml", "{api_token: []}, ", ""), exitBreaking, "breaking"},
		"breaking": {document(t, "09-root-security.yaml", "    status: {", "    status: {nullable: true, "),
			exitBreaking, "breaking"},
		"refused": {document(t, "04-range.yaml", "api_key: []", "other_key: []"), exitRefused, "refused"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			code, out, stderr := specgen(t, root, "diff", "-json", tt.path)
			if code != tt.code {
				t.Errorf("exit code %d, want %d: %s", code, tt.code, stderr)
			}
			var report struct {
				Class    string
				Refusal  string
				Contract []struct{ Class, Pointer, Meaning string }
				Overlays struct{ Satisfied, Needed, Listed []any }
				Files    []string
			}
			if err := json.Unmarshal([]byte(out), &report); err != nil {
				t.Fatalf("not JSON: %v\n%s", err, out)
			}
			if report.Class != tt.class {
				t.Errorf("class %q, want %q", report.Class, tt.class)
			}
			if report.Contract == nil || report.Overlays.Listed == nil || report.Files == nil {
				t.Errorf("a list is null: %s", out)
			}
			refused := tt.class == "refused"
			if (report.Refusal != "") != refused || (stderr != "") != refused || strings.Count(stderr, "\n") > 1 {
				t.Errorf("refusal %q, stderr %q", report.Refusal, stderr)
			}
		})
	}
	if diff := cmp.Diff(before, contents(t, root)); diff != "" {
		t.Errorf("diff changed the tree:\n%s", diff)
	}
}

func TestUpdateExplainsWrongUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"update"}, {"diff", "a", "b"}, {"update", ""}, {"update", "-date", "today", "a"}, {"update", "-license", "a b", "c"}, {"diff", "-no-such", "a"},
	} {
		code, out, stderr := specgen(t, t.TempDir(), args...)
		if code != exitUsage || out != "" || !strings.Contains(stderr, "usage: specgen ") {
			t.Errorf("%q: exit code %d, stdout %q, stderr %q", args, code, out, stderr)
		}
	}
	if code, _, stderr := specgen(t, t.TempDir(), "diff", "-h"); code != exitOK || !strings.Contains(stderr, "-json") {
		t.Errorf("-h: exit code %d, %q", code, stderr)
	}
	code, _, stderr := specgen(t, seeded(t), "diff", "no-such-file")
	if code != exitFailed || strings.Count(stderr, "\n") != 1 {
		t.Errorf("a file that is not there: exit code %d, %q", code, stderr)
	}
}
