package normalize

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// operations is the list for the document that published returns.
var operations = spec.Operations{{
	Name: "listThingUses", Method: "GET", Path: "/accounts/{account_id}/mtls_certificates/{mtls_certificate_id}/associations",
	Document: "plain.json", Noun: "ThingUse", Permission: "Things",
}}

// published returns a small document of the vendor's shape. edits are pairs of texts
// to replace in it.
func published(t *testing.T, edits ...string) spec.Object {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "plain.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(edits); i += 2 {
		if !strings.Contains(string(data), edits[i]) {
			t.Fatalf("%q is not in the document", edits[i])
		}
	}
	text := strings.NewReplacer(edits...).Replace(string(data))
	doc, err := spec.Decode("plain.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// canonicalForm returns the canonical form of one operation.
func canonicalForm(doc spec.Object, op spec.Operation) (spec.Object, error) {
	return Canonical(map[string]spec.Object{op.Name: doc}, spec.Operations{op})
}

func canonical(t *testing.T, doc spec.Object) spec.Object {
	t.Helper()
	out, err := canonicalForm(doc, operations[0])
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestEquivalentSpellingsHaveOneCanonicalForm(t *testing.T) {
	t.Parallel()
	want := canonical(t, published(t))
	tests := map[string][]string{
		"path parameters renamed": {
			"{account_identifier}", "{account_id}", "name: account_identifier", "name: account_id",
			"{identifier}", "{mtls_certificate_id}", "name: identifier", "name: mtls_certificate_id"},
		"path parameters with each other's names": {
			"{account_identifier}", "{identifier}", "name: account_identifier", "name: identifier",
			"{identifier}", "{account_identifier}", "name: identifier", "name: account_identifier"},
		"failure range in lower case": {"4XX:", "4xx:"},
		"random component names":      {"envelope", "tls-certificates_envelope-9JkLm0pQ", "thing", "xvA8R48g_thing"},
		"component names with spaces": {"schemas/thing", "schemas/the%20thing", "    thing:", "    the thing:"},
		"component names with slashes": {
			"schemas/thing", "schemas/a~1thing", "    thing:", "    a/thing:"},
		"security schemes renamed": {"api_email", "xvA8R48g_api_email", "api_key", "k"},
		"security inherited from the root": {
			"      security:\n        - {api_email: [], api_key: []}\n", "",
			"servers:", "security:\n  - {api_email: [], api_key: []}\nservers:"},
		"servers on the operation": {
			"servers:\n  - {url: https://api.cloudflare.com/v4}\n", "",
			"      operationId: list\n", "      operationId: list\n      servers: [{url: https://api.cloudflare.com/v4}]\n"},
		"parameter on the path item": {
			"    get:\n", "    parameters:\n      - {in: path, name: identifier, required: true, schema: {type: string, maxLength: 32}}\n    get:\n",
			"        - {in: path, name: identifier, required: true, schema: {type: string, maxLength: 32}}\n", ""},
		"parameter on the path item, overridden": {
			"    get:\n", "    parameters:\n      - {in: path, name: identifier, required: true, schema: {type: integer}}\n    get:\n"},
		"parameter by reference": {
			"- {in: path, name: identifier, required: true, schema: {type: string, maxLength: 32}}", "- {$ref: '#/components/parameters/p'}",
			"components:\n", "components:\n  parameters:\n    p: {in: path, name: identifier, required: true, schema: {type: string, maxLength: 32}}\n"},
		"schema by reference to a reference": {
			"schema: {$ref: '#/components/schemas/envelope'}", "schema: {$ref: '#/components/schemas/alias'}",
			"  schemas:\n", "  schemas:\n    alias: {$ref: '#/components/schemas/envelope'}\n"},
		"unrelated paths and components": {
			"paths:\n", "paths:\n  /zones: {get: {responses: {default: {description: d}}}}\n",
			"  schemas:\n", "  schemas:\n    unused: {$ref: '#/components/schemas/unused'}\n",
			"  securitySchemes:\n", "  securitySchemes:\n    unused: {type: http, scheme: basic}\n"},
		"slash after the base URL": {"api.cloudflare.com/v4}", "api.cloudflare.com/v4/}"},
	}
	for name, edits := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(want, canonical(t, published(t, edits...))); diff != "" {
				t.Errorf("canonical form differs (-plain +spelled otherwise):\n%s", diff)
			}
		})
	}
}

// A difference in meaning must survive, so that the report on a revision shows it.
func TestDifferencesInMeaningSurvive(t *testing.T) {
	t.Parallel()
	plain := canonical(t, published(t))
	tests := map[string][]string{
		"bound of an id":              {"maxLength: 32", "maxLength: 36"},
		"required member":             {"[success, result]", "[success]"},
		"type of a member":            {"service: {type: string}", "service: {type: integer}"},
		"email alone":                 {"- {api_email: [], api_key: []}", "- {api_email: [], api_key: []}\n        - {api_email: []}"},
		"server":                      {"api.cloudflare.com/v4", "api.cloudflare.com/v5"},
		"a query parameter":           {"      responses:\n", "        - {in: query, name: page, schema: {type: integer}}\n      responses:\n"},
		"another response":            {"        200:", "        202: {description: later}\n        200:"},
		"anyOf in the place of allOf": {"allOf:", "anyOf:"},
		"operation id":                {"operationId: list", "operationId: enumerate"},
	}
	for name, edits := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if cmp.Equal(plain, canonical(t, published(t, edits...))) {
				t.Error("the canonical form hides the difference")
			}
		})
	}
}

func TestCanonicalDoesNotModifyItsInput(t *testing.T) {
	t.Parallel()
	edits := []string{"4XX:", "4xx:", "api.cloudflare.com/v4}", "api.cloudflare.com/v4/}"}
	doc, untouched := published(t, edits...), published(t, edits...)
	out := canonical(t, doc)
	if diff := cmp.Diff(untouched, doc); diff != "" {
		t.Errorf("input changed:\n%s", diff)
	}
	var change func(v any)
	change = func(v any) {
		for _, below := range spec.Children(v) {
			change(below)
		}
		if o := spec.Child(v); o != nil {
			o["changed"] = true
		}
	}
	change(out)
	if diff := cmp.Diff(untouched, doc); diff != "" {
		t.Errorf("the output shares values with the input:\n%s", diff)
	}
}

func TestExamplesAreNotFollowedAsReferences(t *testing.T) {
	t.Parallel()
	out := canonical(t, published(t))
	data, err := spec.Encode(out)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), `"$ref": "not a reference"`) {
		t.Error("the example's content is lost")
	}
	if strings.Contains(string(data), "#/components/schemas") {
		t.Error("a reference is left")
	}
}
