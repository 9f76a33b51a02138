package codegen_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/certuse/cloudflare-mtls/internal/codegen"
	"github.com/certuse/cloudflare-mtls/internal/specdoc"
)

const moduleRoot = "../.."

// changedContract returns the committed contract after change has edited its
// only operation.
func changedContract(t *testing.T, change func(operation map[string]any)) specdoc.Object {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(moduleRoot, codegen.Dir, "openapi.json"))
	if err != nil {
		t.Fatal(err)
	}
	contract, err := specdoc.Decode("openapi.json", data)
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range contract["paths"].(map[string]any) {
		change(item.(map[string]any)["get"].(map[string]any))
	}
	return contract
}

func TestTemplateFollowsTheParametersOfTheContract(t *testing.T) {
	t.Parallel()
	contract := changedContract(t, func(operation map[string]any) {
		params := slices.DeleteFunc(operation["parameters"].([]any), func(p any) bool { return p.(map[string]any)["in"] != "path" })
		for _, p := range params {
			if p := p.(map[string]any); p["name"] == "mtls_certificate_id" {
				p["schema"] = map[string]any{"type": "integer"}
			}
		}
		text := map[string]any{"type": "string"}
		operation["parameters"] = append(params,
			map[string]any{"name": "page", "in": "query", "schema": map[string]any{"type": "integer"}},
			map[string]any{"name": "status", "in": "query", "schema": map[string]any{"type": "array", "items": text}},
			map[string]any{"name": "X-Trace", "in": "header", "schema": text})
	})
	files, err := codegen.Generate(t.Context(), moduleRoot, contract, contract)
	if err != nil {
		t.Fatal(err)
	}

	// The go command builds the committed package with these files in place of
	// its own.
	replace := map[string]string{}
	place := func(name string, content []byte) {
		t.Helper()
		target, err := filepath.Abs(filepath.Join(moduleRoot, name))
		if err != nil {
			t.Fatal(err)
		}
		source := filepath.Join(t.TempDir(), filepath.Base(name))
		if err := os.WriteFile(source, content, 0o600); err != nil {
			t.Fatal(err)
		}
		replace[target] = source
	}
	for name, content := range files {
		place(name, content)
	}
	test, err := os.ReadFile("testdata/params_test.go.txt")
	if err != nil {
		t.Fatal(err)
	}
	place(codegen.Dir+"/params_test.go", test)
	encoded, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	overlay := filepath.Join(t.TempDir(), "overlay.json")
	if err := os.WriteFile(overlay, encoded, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "test", "-overlay", overlay, "-run", "^TestParameters$", "-v", "./"+codegen.Dir)
	cmd.Dir = moduleRoot
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestParameters") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestTemplateRefusesWhatItDoesNotSupport(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(operation map[string]any)
		want   string
	}{
		"request body": {func(operation map[string]any) {
			operation["requestBody"] = map[string]any{"content": map[string]any{"application/json": map[string]any{"schema": map[string]any{"type": "object"}}}}
		}, "request bodies are not supported"},
		"cookie": {func(operation map[string]any) {
			operation["parameters"] = append(operation["parameters"].([]any),
				map[string]any{"name": "session", "in": "cookie", "schema": map[string]any{"type": "string"}})
		}, "cookie parameters are not supported"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			contract := changedContract(t, test.change)
			_, err := codegen.Generate(t.Context(), moduleRoot, contract, contract)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}
