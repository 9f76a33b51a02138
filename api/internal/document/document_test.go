package document_test

import (
	"os"
	"strings"
	"testing"

	"github.com/certuse/cloudflare-mtls/api/internal/document"
)

// frozen is the contract as it was when these tests were written.
func frozen(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("testdata/contract.json")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestContractOfTheModuleLoads(t *testing.T) {
	t.Parallel()
	doc, err := document.Load()
	if err != nil {
		t.Fatal(err)
	}
	if doc.Schema(200) == nil || doc.Schema(404) == nil {
		t.Error("the contract has no schema for a success, or none for a failure")
	}
}

func TestDocumentThatIsNoContractIsRefused(t *testing.T) {
	t.Parallel()
	whole := frozen(t)
	change := func(old, with string) string {
		if !strings.Contains(whole, old) {
			t.Fatalf("%s is not in the contract", old)
		}
		return strings.Replace(whole, old, with, 1)
	}
	for name, tt := range map[string]struct{ text, want string }{
		"not JSON":           {"{", "read the OpenAPI document"},
		"dangling reference": {change(`"Association": {`, `"Elsewhere": {`), "read the OpenAPI document"},
		"not OpenAPI":        {`{"openapi":"3.0.3"}`, "the OpenAPI document"},
		"no server":          {change(`"servers": [`, `"x-servers": [`), "no server"},
		"two paths":          {change(`"paths": {`, `"paths": {"/x": {},`), "more than one path"},
		"other method":       {change(`"get": {`, `"put": {`), "has no GET"},
	} {
		if _, err := document.Parse([]byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := document.Parse([]byte(whole)); err != nil {
		t.Error(err)
	}
}

func TestFirstOfManyServersSetsTheBasePath(t *testing.T) {
	t.Parallel()
	whole := frozen(t)
	for name, tt := range map[string]struct{ old, with, want string }{
		"another before": {`"servers": [`, `"servers": [{"url": "https://example.com/before"},`, "/before"},
		"another after":  {`client/v4"`, `client/v4"}, {"url": "https://example.com/after"`, "/client/v4"},
	} {
		doc, err := document.Parse([]byte(strings.Replace(whole, tt.old, tt.with, 1)))
		if err != nil || doc.BasePath != tt.want || len(doc.Route.Spec.Servers) != 2 {
			t.Errorf("%s: %+v, %v", name, doc, err)
		}
	}
}
