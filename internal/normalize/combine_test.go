package normalize

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// family is a document with two methods on one path and one on another. Its parameter
// names differ from those of familyOperations.
const family = `openapi: 3.0.3
info: {title: Things, version: "1"}
servers: [{url: https://api.cloudflare.com/v4}]
security: [{token: []}]
paths:
  /accounts/{acct}/things:
    parameters: [{in: path, name: acct, required: true, schema: {type: string}}]
    get: {responses: {200: {description: all}}}
    post:
      requestBody: {required: true, content: {application/json: {schema: {$ref: '#/components/schemas/thing'}}}}
      responses: {200: {description: made}}
  /accounts/{acct}/things/{thing}:
    delete:
      parameters: [{in: path, name: thing, required: true, schema: {type: string}}, {in: path, name: acct, required: true, schema: {type: string}}]
      responses: {200: {description: gone}}
components:
  schemas: {thing: {type: object, properties: {name: {type: string}}}}
  securitySchemes:
    token: {type: http, scheme: bearer}
`

var familyOperations = spec.Operations{
	{Name: "listThings", Method: "GET", Path: "/accounts/{account_id}/things", Document: "list.json"},
	{Name: "makeThing", Method: "POST", Path: "/accounts/{account_id}/things", Document: "make.json"},
	{Name: "deleteThing", Method: "DELETE", Path: "/accounts/{account_id}/things/{thing_id}", Document: "delete.json"},
}

func document30(t *testing.T, text string, edits ...string) spec.Object {
	t.Helper()
	for i := 0; i < len(edits); i += 2 {
		if !strings.Contains(text, edits[i]) {
			t.Fatalf("%q is not in the document", edits[i])
		}
	}
	doc, err := spec.Decode("document", []byte(strings.NewReplacer(edits...).Replace(text)))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// canonicalFamily returns the canonical form of the family's operations, all from one
// document.
func canonicalFamily(doc spec.Object) (spec.Object, error) {
	documents := map[string]spec.Object{}
	for _, op := range familyOperations {
		documents[op.Name] = doc
	}
	return Canonical(documents, familyOperations)
}

func TestSeveralOperationsHaveOneCanonicalForm(t *testing.T) {
	t.Parallel()
	doc := document30(t, family)
	got, err := canonicalFamily(doc)
	if err != nil {
		t.Fatal(err)
	}
	want := document30(t, `openapi: 3.0.3
info: {title: Things, version: "1"}
servers: [{url: https://api.cloudflare.com/v4}]
paths:
  /accounts/{account_id}/things:
    get:
      parameters: [{in: path, name: account_id, required: true, schema: {type: string}}]
      responses: {200: {description: all}}
      security: [{api_token: []}]
    post:
      parameters: [{in: path, name: account_id, required: true, schema: {type: string}}]
      requestBody: {required: true, content: {application/json: {schema: {type: object, properties: {name: {type: string}}}}}}
      responses: {200: {description: made}}
      security: [{api_token: []}]
  /accounts/{account_id}/things/{thing_id}:
    delete:
      parameters: [{in: path, name: account_id, required: true, schema: {type: string}}, {in: path, name: thing_id, required: true, schema: {type: string}}]
      responses: {200: {description: gone}}
      security: [{api_token: []}]
components:
  securitySchemes:
    api_token: {type: http, scheme: bearer}
`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if _, err := Load(got); err != nil {
		t.Error(err)
	}
}

func TestCanonicalNamesTheDocument(t *testing.T) {
	t.Parallel()
	doc := document30(t, family)
	documents := map[string]spec.Object{"listThings": doc, "makeThing": document30(t, "openapi: 3.0.3\npaths: {}\n"), "deleteThing": doc}
	if _, err := Canonical(documents, familyOperations); err == nil || !strings.HasPrefix(err.Error(), "make.json: /paths: the operation POST") {
		t.Errorf("error %v, want one that begins with the document", err)
	}
	delete(documents, "makeThing")
	const want = "make.json: no text of the operation POST /accounts/{account_id}/things: take a document that has it with 'make spec-update'"
	if _, err := Canonical(documents, familyOperations); err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestDocumentsAreCombined(t *testing.T) {
	t.Parallel()
	documents := map[string]spec.Object{
		"listThings": document30(t, family),
		"makeThing": document30(t, family, "token", "key", "title: Things", "title: Other", "[{url: https://api.cloudflare.com/v4}]",
			"[{url: https://api.cloudflare.com/v4/, description: the same}, {url: https://other.example.com}]"),
		"deleteThing": document30(t, family, "security: [{token: []}]", "security: [{token: []}, {mail: []}]", "    token:", "    mail: {type: apiKey, in: header, name: X-Auth-Email}\n    token:"),
	}
	got, err := Canonical(documents, familyOperations)
	if err != nil {
		t.Fatal(err)
	}
	if title := spec.Child(got, "info")["title"]; title != "Things" {
		t.Errorf("the title is %v, want that of the first document", title)
	}
	servers := []any{spec.Object{"url": "https://api.cloudflare.com/v4"}}
	if diff := cmp.Diff(any(servers), got["servers"]); diff != "" {
		t.Errorf("servers (-want +got)\n%s", diff)
	}
	schemes := spec.Object{"api_token": spec.Object{"type": "http", "scheme": "bearer"}, "api_email": spec.Object{"type": "apiKey", "in": "header", "name": "X-Auth-Email"}}
	if diff := cmp.Diff(any(schemes), spec.Child(got, "components")["securitySchemes"]); diff != "" {
		t.Errorf("schemes (-want +got)\n%s", diff)
	}
	if methods := spec.SortedKeys(spec.Child(got["paths"], familyOperations[0].Path)); !cmp.Equal(methods, []string{"get", "post"}) {
		t.Errorf("methods %v on one path", methods)
	}
}

// Two documents may give one name to different schemes.
func TestSchemesAreNamedAfterWhatTheySend(t *testing.T) {
	t.Parallel()
	const own = "    token:"
	both := func(scheme string) spec.Object {
		return document30(t, family, "security: [{token: []}]", "security: [{token: []}, {api_key: []}]", own, "    api_key: "+scheme+"\n"+own)
	}
	for scheme, name := range map[string]string{
		"{type: apiKey, in: header, name: X-Own}":                               "header_x-own",
		"{type: apiKey, in: query, name: X-Other}":                              "query_x-other",
		"{type: openIdConnect, openIdConnectUrl: 'https://example.com/openid'}": "openidconnect___openIdConnectUrl___https___example.com_openid___type___openIdConnect__",
	} {
		documents := map[string]spec.Object{"listThings": both(scheme), "makeThing": both("{type: apiKey, in: header, name: X-Other}")}
		got, err := Canonical(documents, familyOperations[:2])
		if err == nil {
			_, err = Load(got)
		}
		if names := spec.SortedKeys(spec.Child(got, "components", "securitySchemes")); err != nil || !slices.Contains(names, name) || !slices.Contains(names, "header_x-other") {
			t.Errorf("%s: schemes %q, error %v", scheme, names, err)
		}
	}
}

// The generated client sends all requests to one address, so an operation at another
// address would not be found.
func TestOperationsHaveOneAddress(t *testing.T) {
	t.Parallel()
	const own = "    get: {responses"
	for name, edits := range map[string][]string{
		"of an operation": {own, "    get: {servers: [{url: https://api.cloudflare.com/v5}], responses"},
		"of a path":       {"  /accounts/{acct}/things/{thing}:\n", "  /accounts/{acct}/things/{thing}:\n    servers: [{url: https://api.cloudflare.com/v5/}, {url: https://api.cloudflare.com/v4}]\n"},
	} {
		_, err := canonicalFamily(document30(t, family, edits...))
		if err == nil || !strings.Contains(err.Error(), `/v5", that of other operations "https://api.cloudflare.com/v4`) && !strings.Contains(err.Error(), `/v4", that of other operations "https://api.cloudflare.com/v5`) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	for name, edits := range map[string][]string{
		"with a slash":  {own, "    get: {servers: [{url: https://api.cloudflare.com/v4/}], responses"},
		"second server": {own, "    get: {servers: [{url: https://api.cloudflare.com/v4}, {url: https://api.cloudflare.com/v5}], responses"},
	} {
		if _, err := canonicalFamily(document30(t, family, edits...)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Scheme names are the vendor's: one that looks like an extension is still a scheme,
// and a requirement without it would be weaker.
func TestRequirementsKeepSchemesWithOddNames(t *testing.T) {
	t.Parallel()
	doc := document30(t, family, "security: [{token: []}]", "security: [{token: []}, {token: [], x-key: [], example: []}]", "    token:",
		"    x-key: {type: apiKey, in: header, name: X-Own}\n    example: {type: apiKey, in: header, name: X-Example}\n    token:",
		"    get: {", "    get: {security: [{token: []}, {token: [], x-key: [], example: []}], ")
	got, err := canonicalFamily(doc)
	if err != nil {
		t.Fatal(err)
	}
	for l := range spec.All(got) {
		want := []any{spec.Object{"api_token": []any{}}, spec.Object{"api_token": []any{}, "header_x-own": []any{}, "header_x-example": []any{}}}
		if diff := cmp.Diff(any(want), l.Operation["security"]); diff != "" {
			t.Errorf("%s (-want +got)\n%s", l.Title(), diff)
		}
	}
}

func TestSchemesThatNoOperationNamesAreDropped(t *testing.T) {
	t.Parallel()
	doc := document30(t, `paths:
  /a: {get: {security: [{one: [], two: []}]}, post: {security: [{three: []}]}}
components: {securitySchemes: {one: {}, two: {}, three: {}, four: {}}}
`)
	dropUnusedSchemes(doc)
	if diff := cmp.Diff([]string{"one", "three", "two"}, spec.SortedKeys(spec.Child(doc["components"], "securitySchemes"))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	dropUnusedSchemes(spec.Object{})
}
