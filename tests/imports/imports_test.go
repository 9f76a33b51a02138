// Package imports tests that importing the client compiles few modules, that the client
// does not use package regexp, that the core of package api names no operation, and that
// the tables of other tests have a row for each read operation.
package imports

import (
	"os/exec"
	"strings"
	"testing"
)

// heavy are the modules of the pipeline, the checkers and the command line. A
// program that imports the client must not compile them.
var heavy = []string{
	"github.com/getkin/kin-openapi", "github.com/speakeasy-api", "github.com/oasdiff", "gopkg.in/yaml", "go.yaml.in",
	"github.com/oapi-codegen/oapi-codegen", "github.com/spf13", "github.com/certuse/cloudflare-mtls/internal/",
	"github.com/certuse/cloudflare-mtls/cmd/", "github.com/cloudflare",
}

// allowed are the modules that an importer of the client compiles.
var allowed = []string{
	"github.com/certuse/cloudflare-mtls/api", "github.com/certuse/cloudflare-mtls/generated",
	"github.com/certuse/cloudflare-mtls/internal/strictjson",
	// Only the tokenizer, without the decoder that uses reflection.
	"github.com/go-json-experiment/json/jsontext", "github.com/go-json-experiment/json/internal",
	"github.com/dunglas/httpsfv",
	// The runtime formats the generated client's parameters and imports the other two.
	"github.com/oapi-codegen/runtime", "github.com/apapsch/go-jsonmerge", "github.com/google/uuid",
}

func dependencies(t *testing.T, pkg string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", pkg)
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(out))
}

func startsWithAny(path string, prefixes []string) bool {
	for _, prefix := range prefixes {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}

func TestImportingTheClientStaysLight(t *testing.T) {
	t.Parallel()
	for _, pkg := range []string{"./api", "./generated"} {
		for _, path := range dependencies(t, pkg) {
			switch {
			case startsWithAny(path, allowed):
			case startsWithAny(path, heavy):
				t.Errorf("%s imports %s", pkg, path)
			default:
				t.Errorf("%s imports %s, which is not in allowed: add it only with a reason", pkg, path)
			}
		}
	}
}

func TestHeavyModulesAreRecognised(t *testing.T) {
	t.Parallel()
	found := 0
	for _, path := range dependencies(t, "./internal/cmd/specgen") {
		if startsWithAny(path, heavy) {
			found++
		}
	}
	if found < 10 {
		t.Errorf("only %d heavy packages found in the pipeline's own command", found)
	}
}
