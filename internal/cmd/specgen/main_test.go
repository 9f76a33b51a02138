package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/internal/provenance"
)

const moduleRoot = "../../.."

// pipelineInputs are the parts of the module that generation reads and writes.
var pipelineInputs = []string{"go.mod", "go.sum", "openapi", "overlays", "generated", "internal/generate"}

// copyModule copies what the pipeline needs of the module to a folder of its
// own.
func copyModule(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range pipelineInputs {
		from, to := filepath.Join(moduleRoot, name), filepath.Join(root, name)
		info, err := os.Stat(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if info.IsDir() {
			err = os.CopyFS(to, os.DirFS(from))
		} else {
			var data []byte
			if data, err = os.ReadFile(from); err == nil {
				err = os.WriteFile(to, data, 0o644)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func files(t *testing.T, root string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(filepath.Join(root, "generated"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		out[d.Name()] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func specgen(t *testing.T, root string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), root, args, &out, &errs)
	return code, out.String(), errs.String()
}

// edit replaces text in a file below root; it must be there.
func edit(t *testing.T, root, name, old, replacement string) {
	t.Helper()
	path := filepath.Join(root, name)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), old) {
		t.Fatalf("%q is not in %s", old, name)
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(data), old, replacement)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// editDocument edits the published document and records its new checksum, as
// an update would.
func editDocument(t *testing.T, root, old, replacement string) {
	t.Helper()
	const name = "openapi/mtls-certificate-associations.json"
	before, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	edit(t, root, name, old, replacement)
	after, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	edit(t, root, "openapi/provenance.json", provenance.Sum(before), provenance.Sum(after))
}

func TestGenerateReproducesTheCommittedFiles(t *testing.T) {
	t.Parallel()
	root := copyModule(t)
	for _, name := range []string{"openapi.json", "client.gen.go", "types.gen.go", "spec.gen.go"} {
		if err := os.Remove(filepath.Join(root, "generated", name)); err != nil {
			t.Fatal(err)
		}
	}
	if code, _, stderr := specgen(t, root, "generate"); code != exitOK {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	if diff := cmp.Diff(files(t, moduleRoot), files(t, root)); diff != "" {
		t.Errorf("(-committed +generated)\n%s", diff)
	}
}

func TestCheckTellsStaleFilesByADiff(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(t *testing.T, root string)
		want   []string
	}{
		"fresh": {func(*testing.T, string) {}, nil},
		"edited by hand": {func(t *testing.T, root string) {
			edit(t, root, "generated/types.gen.go", "Service string", "Service *string")
		}, []string{"committed/generated/types.gen.go", "-\tService *string", "+\tService string"}},
		"overlay changed": {func(t *testing.T, root string) {
			edit(t, root, "overlays/40-real-answers.yaml", "maxLength: 64", "maxLength: 63")
		}, []string{`"maxLength": 64`, `"maxLength": 63`}},
		"file missing": {func(t *testing.T, root string) {
			if err := os.Remove(filepath.Join(root, "generated/spec.gen.go")); err != nil {
				t.Fatal(err)
			}
		}, []string{"missing: generated/spec.gen.go"}},
		"file left over": {func(t *testing.T, root string) {
			if err := os.WriteFile(filepath.Join(root, "generated/old.gen.go"), []byte("package generated"), 0o644); err != nil {
				t.Fatal(err)
			}
		}, []string{"not generated any more: generated/old.gen.go"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := copyModule(t)
			tt.change(t, root)
			before := files(t, root)
			code, stdout, stderr := specgen(t, root, "check")
			if fresh := tt.want == nil; fresh != (code == exitOK) || fresh != (stdout == "") {
				t.Fatalf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
			}
			for _, want := range tt.want {
				if !strings.Contains(stdout, want) {
					t.Errorf("%q is not in the diff:\n%s", want, stdout)
				}
			}
			if diff := cmp.Diff(before, files(t, root)); diff != "" {
				t.Errorf("check changed files:\n%s", diff)
			}
		})
	}
}

func TestBadInputGivesOneLineAndChangesNothing(t *testing.T) {
	t.Parallel()
	const document = "openapi/mtls-certificate-associations.json"
	tests := map[string]struct {
		change func(t *testing.T, root string)
		want   []string
	}{
		"document edited by hand": {func(t *testing.T, root string) {
			edit(t, root, document, `"title": "`, `"title": "My `)
		}, []string{document, "make spec-update"}},
		"document not JSON": {func(t *testing.T, root string) {
			editDocument(t, root, `"openapi": "3.0.3",`, `"openapi": 3.0.3,`)
		}, []string{document + ":", "not JSON"}},
		"document not OpenAPI": {func(t *testing.T, root string) {
			editDocument(t, root, `"openapi": "3.0.3"`, `"x-openapi": "3.0.3"`)
		}, []string{document, "not an OpenAPI document"}},
		"document missing": {func(t *testing.T, root string) {
			if err := os.Remove(filepath.Join(root, document)); err != nil {
				t.Fatal(err)
			}
		}, []string{document}},
		"provenance not JSON": {func(t *testing.T, root string) {
			edit(t, root, "openapi/provenance.json", `"license"`, `license`)
		}, []string{"openapi/provenance.json"}},
		"overlay not YAML": {func(t *testing.T, root string) {
			edit(t, root, "overlays/50-go.yaml", "actions:", "actions: [")
		}, []string{"overlays/50-go.yaml", "line "}},
		"overlay matches nothing": {func(t *testing.T, root string) {
			edit(t, root, "overlays/30-current-contract.yaml", "result_info.properties", "result_information.properties")
		}, []string{"overlays/30-current-contract.yaml#total-pages", "matches nothing"}},
		"contradiction": {func(t *testing.T, root string) {
			// without this action the failure is a success as well
			edit(t, root, "overlays/10-failure-response.yaml", "allOf[?@..result_info]", "allOf[?@..code][?@.nothing]")
			edit(t, root, "openapi/provenance.json", `"satisfied_upstream": [`, `"satisfied_upstream": ["10-failure-response.yaml#failure-is-not-a-success",`)
		}, []string{document, "responses/4XX", "/properties/result", `"type"`}},
		"generator configuration": {func(t *testing.T, root string) {
			edit(t, root, "internal/generate/types.yaml", "models: true", "model: true")
		}, []string{"oapi-codegen (types)"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := copyModule(t)
			tt.change(t, root)
			before := files(t, root)
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
				t.Errorf("not one line: %q", stderr)
			}
			if diff := cmp.Diff(before, files(t, root)); diff != "" {
				t.Errorf("generated files changed:\n%s", diff)
			}
		})
	}
}

func TestWrongUsageExitsWithTwo(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"unknown"}, {"generate", "extra"}} {
		if code, _, stderr := specgen(t, t.TempDir(), args...); code != exitUsage || !strings.HasPrefix(stderr, "usage:") {
			t.Errorf("%q: exit code %d, stderr %q", args, code, stderr)
		}
	}
}
