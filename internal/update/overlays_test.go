package update

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/internal/pipeline"
	"github.com/certuse/cloudflare-mtls/tests/internal/testtree"
)

// An action that the current text does not need yet is taken together with the
// revision that needs it.
func TestActionForTheNewTextIsTakenWithIt(t *testing.T) {
	t.Parallel()
	root := copyModule(t, testtree.PipelineInputs...)
	contradictory := changed(t, "        count: {", "        count: {allOf: [{type: number}, {type: string}], ")
	if _, err := Prepare(t.Context(), request(root, "new.yaml", contradictory)); err == nil || !strings.Contains(err.Error(), "contradict") {
		t.Fatalf("error %v, want a refusal of the contradiction", err)
	}
	const action = `overlay: 1.1.0
info: {title: New, version: 1.0.0}
actions:
  - x-id: counts-are-numbers
    target: $.paths.*.get.responses['200']..properties.result_info.properties['count'].allOf
    description: A count is a number.
    remove: true
`
	if err := os.WriteFile(filepath.Join(root, "overlays", "60-new.yaml"), []byte(action), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := pipeline.Normalize(os.DirFS(root)); err == nil {
		t.Error("the action needs no text that it matches")
	}
	r := take(t, root, "new.yaml", contradictory)
	if !r.Go.SameCode {
		t.Errorf("the Go code changes: %+v", r.Go)
	}
	if _, err := pipeline.Normalize(os.DirFS(root)); err != nil {
		t.Errorf("after the update: %v", err)
	}
}

// Dropping an action that the provenance lists takes the stored document again:
// nothing but the list changes.
func TestListIsWrittenAnewForTheStoredDocument(t *testing.T) {
	t.Parallel()
	root := copyModule(t, testtree.PipelineInputs...)
	const dropped = "30-current-contract.yaml#api-email"
	overlay := filepath.Join(root, "overlays", "30-current-contract.yaml")
	text := string(read(t, overlay))
	start := strings.Index(text, "  - x-id: api-email")
	end := start + strings.Index(text[start+1:], "  - x-id:") + 1
	if err := os.WriteFile(overlay, []byte(text[:start]+text[end:]), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := pipeline.Normalize(os.DirFS(root)); err == nil || !strings.Contains(err.Error(), "no such overlay action") {
		t.Fatalf("error %v, want that the provenance lists an action that is gone", err)
	}
	before := snapshot(t, root)
	stored := filepath.Join(root, "openapi", documentName)
	take(t, root, stored, read(t, stored))
	after := snapshot(t, root)
	was, is := before[pipeline.ProvenanceFile], after[pipeline.ProvenanceFile]
	lines := slices.DeleteFunc(strings.Split(was, "\n"), func(line string) bool { return strings.Contains(line, dropped) })
	if diff := cmp.Diff(strings.Join(lines, "\n"), is); diff != "" {
		t.Errorf("provenance (-without the action +written)\n%s", diff)
	}
	delete(before, pipeline.ProvenanceFile)
	delete(after, pipeline.ProvenanceFile)
	if !maps.Equal(before, after) {
		t.Errorf("more changed:\n%s", cmp.Diff(before, after))
	}
	if _, err := pipeline.Normalize(os.DirFS(root)); err != nil {
		t.Errorf("after the update: %v", err)
	}
}
