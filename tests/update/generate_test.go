package update

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/internal/published"
	"github.com/certuse/cloudflare-mtls/tests/internal/modulecopy"
)

// edit replaces the first occurrence of old in a file below root.
func edit(t *testing.T, root, name, old, replacement string) {
	t.Helper()
	path := filepath.Join(root, name)
	text := string(read(t, path))
	if !strings.Contains(text, old) {
		t.Fatalf("%q is not in %s", old, name)
	}
	write(t, path, strings.Replace(text, old, replacement, 1))
}

const storedDocument = "openapi/mtls-certificate-associations.json"

// editDocument edits the stored document and its checksum in the provenance.
func editDocument(t *testing.T, root, old, replacement string) {
	t.Helper()
	before := published.Sum(read(t, filepath.Join(root, storedDocument)))
	edit(t, root, storedDocument, old, replacement)
	edit(t, root, published.ProvenanceFile, before, published.Sum(read(t, filepath.Join(root, storedDocument))))
}

func remove(t *testing.T, root, name string) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(root, name)); err != nil {
		t.Fatal(err)
	}
}

func TestGenerateReproducesTheCommittedFiles(t *testing.T) {
	t.Parallel()
	root := moduleTree(t, modulecopy.PipelineInputs...)
	want := snapshot(t, root)
	remove(t, root, "generated")
	if code, _, stderr := specgen(t, root, "generate"); code != exitOK {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	if diff := cmp.Diff(want, snapshot(t, root)); diff != "" {
		t.Errorf("(-committed +generated)\n%s", diff)
	}
}

func TestCheckShowsStaleFilesByADiff(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(t *testing.T, root string)
		want   []string
	}{
		"fresh": {func(*testing.T, string) {}, nil},
		"edited by hand": {func(t *testing.T, root string) {
			edit(t, root, "generated/client.gen.go", "Service string", "Service *string")
		}, []string{"committed/generated/client.gen.go", "-\tService *string", "+\tService string"}},
		"overlay changed": {func(t *testing.T, root string) {
			edit(t, root, "overlays/2-contract/10-requests.yaml", "maxLength: 64", "maxLength: 63")
		}, []string{`"maxLength": 64`, `"maxLength": 63`}},
		"file missing": {func(t *testing.T, root string) {
			remove(t, root, "generated/spec.gen.go")
		}, []string{"+++ regenerated/generated/spec.gen.go"}},
		"file left over": {func(t *testing.T, root string) {
			write(t, filepath.Join(root, "generated/old.gen.go"), "package generated")
		}, []string{"no longer generated: generated/old.gen.go"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := seededTree(t)
			tt.change(t, root)
			before := snapshot(t, root)
			code, stdout, stderr := specgen(t, root, "check")
			if fresh := tt.want == nil; fresh != (code == exitOK) || fresh != (stdout == "") {
				t.Fatalf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
			}
			for _, want := range tt.want {
				if !strings.Contains(stdout, want) {
					t.Errorf("%q is not in the diff:\n%s", want, stdout)
				}
			}
			unchanged(t, root, before)
		})
	}
}

func TestBadInputGivesOneLineAndChangesNothing(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(t *testing.T, root string)
		want   []string
	}{
		"document edited by hand": {func(t *testing.T, root string) {
			edit(t, root, storedDocument, `"title": "`, `"title": "My `)
		}, []string{storedDocument, "make spec-update"}},
		"document not JSON": {func(t *testing.T, root string) {
			editDocument(t, root, `"openapi": "3.0.3",`, `"openapi": 3.0.3,`)
		}, []string{storedDocument + ":", "not JSON"}},
		"document not OpenAPI": {func(t *testing.T, root string) {
			editDocument(t, root, `"openapi": "3.0.3"`, `"x-openapi": "3.0.3"`)
		}, []string{"associations.json", "want version 3.0 or 3.1"}},
		"document missing": {func(t *testing.T, root string) { remove(t, root, storedDocument) }, []string{storedDocument}},
		"list not YAML": {func(t *testing.T, root string) {
			edit(t, root, "openapi/operations.yaml", "operations:", "operations: [")
		}, []string{"openapi/operations.yaml"}},
		"list has an unknown member": {func(t *testing.T, root string) {
			edit(t, root, "openapi/operations.yaml", "noun: Association", "nown: Association")
		}, []string{"openapi/operations.yaml", "nown"}},
		"list names a query parameter that the contract lacks": {func(t *testing.T, root string) {
			edit(t, root, "openapi/operations.yaml", "query: [mtls_certificate_id]", "query: [mtls_certificate_id, nonsense]")
		}, []string{`openapi/operations.yaml: listHostnameAssociations: the contract has no query parameter "nonsense"`}},
		"provenance not JSON": {func(t *testing.T, root string) {
			edit(t, root, published.ProvenanceFile, `"license"`, `license`)
		}, []string{published.ProvenanceFile}},
		"overlay not YAML": {func(t *testing.T, root string) {
			edit(t, root, "overlays/2-contract/33-zones.yaml", "actions:", "actions: [")
		}, []string{"overlays/2-contract/33-zones.yaml", "line "}},
		"overlay matches nothing": {func(t *testing.T, root string) {
			edit(t, root, "overlays/2-contract/20-envelope.yaml", "properties.result_info.properties", "properties.result_information.properties")
		}, []string{"overlays/2-contract/20-envelope.yaml#result-info-has-numbers", "matches nothing"}},
		"contradiction": {func(t *testing.T, root string) {
			// Without this action, a failure must also be a success.
			edit(t, root, "overlays/1-published/10-failure-response.yaml", "allOf[?@..success.enum[?@ == true]]", "allOf[?@.nothing]")
			edit(t, root, published.ProvenanceFile, `"satisfied_upstream": [`, `"satisfied_upstream": ["1-published/10-failure-response.yaml#failure-is-not-a-success",`)
		}, []string{"responses/4XX", "contradiction: "}},
		"generator configuration": {func(t *testing.T, root string) {
			edit(t, root, "internal/generate/config.yaml", "models: true", "model: true")
		}, []string{"internal/generate/config.yaml: ", "model"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := seededTree(t)
			tt.change(t, root)
			before := snapshot(t, root)
			code, _, stderr := specgen(t, root, "generate")
			if code != exitFailed {
				t.Errorf("exit code %d, want %d", code, exitFailed)
			}
			for _, want := range tt.want {
				if !strings.Contains(stderr, want) {
					t.Errorf("%q is not in %q", want, stderr)
				}
			}
			if strings.Count(stderr, "\n") != 1 {
				t.Errorf("want one line on stderr, got %q", stderr)
			}
			unchanged(t, root, before)
		})
	}
}
