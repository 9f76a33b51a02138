package published

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// family is a document with several listed operations, two of them on one path.
const family = `openapi: 3.0.3
info: {title: Things, version: "2"}
servers: [{url: https://api.cloudflare.com/client/v4}]
security: [{key: []}]
tags: [{name: Things}, {name: Parts}]
paths:
  /accounts/{a}/things:
    parameters: [{$ref: '#/components/parameters/account'}]
    summary: what only the path says
    get: {tags: [Things], parameters: [{in: query, name: page, required: true, schema: {type: integer}}], responses: {200: {$ref: '#/components/responses/things'}}}
    post:
      requestBody: {$ref: '#/components/requestBodies/thing'}
      responses: {200: {description: made}}
      security: [{key: []}, {mail: []}]
    put: {responses: {200: {description: of no operation}}}
  /accounts/{a}/things/{b}:
    parameters: [{$ref: '#/components/parameters/account'}, {in: path, name: b, required: true, schema: {type: string}}]
    delete: {responses: {200: {description: gone}}}
  /accounts/{a}/other: {get: {responses: {200: {description: of no operation}}}}
components:
  parameters:
    account: {in: path, name: a, required: true, schema: {type: string}}
  requestBodies:
    thing: {content: {application/json: {schema: {$ref: '#/components/schemas/thing'}}}}
  responses:
    things: {description: all, content: {application/json: {schema: {type: array, items: {$ref: '#/components/schemas/thing'}}}}}
  schemas:
    thing: {type: object, properties: {name: {type: string}}}
  securitySchemes:
    key: {type: http, scheme: bearer}
    mail: {type: apiKey, in: header, name: X-Auth-Email}
    other: {type: http, scheme: basic}
`

func listed(method, path, name string, query ...string) spec.Operation {
	return spec.Operation{Name: name, Method: method, Path: path, Document: name + ".json", Query: query}
}

var familyOperations = spec.Operations{
	listed("GET", "/accounts/{account_id}/things", "listThings", "page"),
	listed("POST", "/accounts/{account_id}/things", "makeThing"),
	listed("DELETE", "/accounts/{account_id}/things/{thing_id}", "deleteThing"),
	listed("GET", "/zones", "listZones"),
	listed("PATCH", "/accounts/{account_id}/things/{thing_id}", "changeThing"),
}

func TestEachOperationGetsADocumentOfItsOwn(t *testing.T) {
	t.Parallel()
	taken, err := Take("family.yaml", []byte(family), familyOperations)
	if err != nil {
		t.Fatal(err)
	}
	const head = "openapi: 3.0.3\ninfo: {title: Things, version: '2'}\nservers: [{url: https://api.cloudflare.com/client/v4}]\n"
	const account = "    account: {in: path, name: a, required: true, schema: {type: string}}\n"
	want := map[string]string{
		"listThings": head + `security: [{key: []}]
paths:
  /accounts/{a}/things:
    parameters: [{$ref: '#/components/parameters/account'}]
    get: {tags: [Things], parameters: [{in: query, name: page, required: true, schema: {type: integer}}], responses: {200: {$ref: '#/components/responses/things'}}}
components:
  parameters:
` + account + `  responses:
    things: {description: all, content: {application/json: {schema: {type: array, items: {$ref: '#/components/schemas/thing'}}}}}
  schemas:
    thing: {type: object, properties: {name: {type: string}}}
  securitySchemes:
    key: {type: http, scheme: bearer}
`,
		"makeThing": head + `paths:
  /accounts/{a}/things:
    parameters: [{$ref: '#/components/parameters/account'}]
    post:
      requestBody: {$ref: '#/components/requestBodies/thing'}
      responses: {200: {description: made}}
      security: [{key: []}, {mail: []}]
components:
  parameters:
` + account + `  requestBodies:
    thing: {content: {application/json: {schema: {$ref: '#/components/schemas/thing'}}}}
  schemas:
    thing: {type: object, properties: {name: {type: string}}}
  securitySchemes:
    key: {type: http, scheme: bearer}
    mail: {type: apiKey, in: header, name: X-Auth-Email}
`,
		"deleteThing": head + `security: [{key: []}]
paths:
  /accounts/{a}/things/{b}:
    parameters: [{$ref: '#/components/parameters/account'}, {in: path, name: b, required: true, schema: {type: string}}]
    delete: {responses: {200: {description: gone}}}
components:
  parameters:
` + account + `  securitySchemes:
    key: {type: http, scheme: bearer}
`,
	}
	for name, text := range want {
		doc, err := spec.Decode(name, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(doc, taken.Texts[name].Document); diff != "" {
			t.Errorf("%s (-want +cut)\n%s", name, diff)
		}
	}
	if len(taken.Texts) != len(want) {
		t.Errorf("%d texts, want %d", len(taken.Texts), len(want))
	}
	if diff := cmp.Diff(familyOperations[3:], taken.Missing); diff != "" {
		t.Errorf("missing (-want +got)\n%s", diff)
	}
	// The stored text of one operation is taken unchanged.
	for _, op := range familyOperations[:3] {
		again, err := Take(op.Document, taken.Texts[op.Name].Encoded, spec.Operations{op})
		if err != nil {
			t.Errorf("%s: %v", op.Name, err)
		} else if diff := cmp.Diff(string(taken.Texts[op.Name].Encoded), string(again.Texts[op.Name].Encoded)); diff != "" {
			t.Errorf("%s (-first +again)\n%s", op.Name, diff)
		}
	}
}

// A document is refused if one of its operations cannot be taken, even beside valid
// ones. A missing operation is no reason to refuse it.
func TestOneBadOperationRefusesTheDocument(t *testing.T) {
	t.Parallel()
	if err := usable("doc", []byte(family), familyOperations); err != nil {
		t.Errorf("without two of the operations: %v", err)
	}
	for name, tt := range map[string]struct{ old, new, want string }{
		"required parameter": {"name: page, required", "name: size, required", `/paths/~1accounts~1{a}~1things/get/parameters: a new required parameter, "size" in "query"`},
		"bad reference":      {"#/components/requestBodies/thing", "#/components/requestBodies/none", "points to nothing"},
		"anonymous":          {"security: [{key: []}, {mail: []}]", "security: [{key: []}, {}]", "/paths/~1accounts~1{a}~1things/post/security/1: the operation allows anonymous access"},
		"none of the list":   {"paths:", "paths: {}\nx-paths:", "GET /accounts/{account_id}/things is not in the document"},
	} {
		err := usable("doc", []byte(strings.Replace(family, tt.old, tt.new, 1)), familyOperations)
		if err == nil || !strings.HasPrefix(err.Error(), "doc: ") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", name, err, tt.want)
		}
	}
}

// expectUse compares the schema "use" of the result, and returns all schemas.
func expectUse(t *testing.T, name string, taken *Import, schema string) spec.Object {
	t.Helper()
	want, err := spec.Decode("want", []byte("use: "+schema+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	schemas := spec.Child(taken.uses().Document["components"], "schemas")
	if diff := cmp.Diff(want["use"], schemas["use"]); diff != "" {
		t.Errorf("%s (-want +got)\n%s", name, diff)
	}
	return schemas
}

// References to components stay. Any other reference is replaced by its target, and the
// siblings of the reference are lost.
func TestReferencesOutOfTheCutAreReplaced(t *testing.T) {
	t.Parallel()
	const use = "use: {type: string, x-order: 5, example: {$ref: '#/components/schemas/zone'}}"
	for name, tt := range map[string]struct{ use, want string }{
		"to a component":          {"{$ref: '#/components/schemas/id'}", "{$ref: '#/components/schemas/id'}"},
		"with siblings":           {"{$ref: '#/components/schemas/id', description: d, x-a: {$ref: '#/components/schemas/id'}}", "{$ref: '#/components/schemas/id', description: d, x-a: {$ref: '#/components/schemas/id'}}"},
		"into a component":        {"{$ref: '#/components/parameters/cert/schema'}", "{$ref: '#/components/parameters/cert/schema'}"},
		"to a path":               {"{$ref: '#/paths/~1zones/get/responses/200/content/application~1json/schema'}", "{$ref: '#/components/schemas/zone'}"},
		"to an extension":         {"{$ref: '#/x-generator/a', description: lost}", "{type: number}"},
		"reference in an example": {"{type: string, example: {$ref: '#/nowhere'}}", "{type: string, example: {$ref: '#/nowhere'}}"},
		"a property called $ref":  {"{type: object, properties: {$ref: {$ref: '#/components/schemas/id'}}}", "{type: object, properties: {$ref: {$ref: '#/components/schemas/id'}}}"},
	} {
		taken, err := Take("doc", whole(t, use, "use: "+tt.use, "x-generator: something", "x-generator: {a: {type: number}}"), operations)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		schemas := expectUse(t, name, taken, tt.want)
		if _, ok := schemas["zone"]; ok != (name == "to a path") {
			t.Errorf("%s: schemas %v", name, spec.SortedKeys(schemas))
		}
	}
}

func TestExamplesWithAPEMAndInexactBoundsAreLeftOutAndListed(t *testing.T) {
	t.Parallel()
	const (
		use = "use: {type: string, x-order: 5, example: {$ref: '#/components/schemas/zone'}}"
		pem = `"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"`
		at  = "/components/schemas/use/"
	)
	for name, tt := range map[string]struct {
		use, want string
		leftOut   []string
	}{
		"a certificate":                        {"{type: string, example: " + pem + "}", "{type: string}", []string{at + "example"}},
		"a private key":                        {`{type: string, example: "x\n-----BEGIN RSA PRIVATE KEY-----"}`, "{type: string}", []string{at + "example"}},
		"a PEM deep in an example":             {"{type: object, example: {a: [1, {key: " + pem + "}]}}", "{type: object}", []string{at + "example"}},
		"a default":                            {"{type: string, default: " + pem + "}", "{type: string}", []string{at + "default"}},
		"several PEMs":                         {"{type: object, properties: {a: {type: string, example: " + pem + "}, b: {type: array, items: {type: string}, example: [" + pem + "]}}}", "{type: object, properties: {a: {type: string}, b: {type: array, items: {type: string}}}}", []string{at + "properties/a/example", at + "properties/b/example"}},
		"a property called example":            {"{type: object, properties: {example: {type: string, example: " + pem + "}}}", "{type: object, properties: {example: {type: string}}}", []string{at + "properties/example/example"}},
		"no PEM":                               {"{type: string, example: BEGIN CERTIFICATE}", "{type: string, example: BEGIN CERTIFICATE}", nil},
		"inexact numbers":                      {"{type: integer, minimum: -9223372036854775808, maximum: 9223372036854775807, example: 12345678901234567890}", "{type: integer}", []string{at + "example", at + "maximum", at + "minimum"}},
		"an inexact number deep in an example": {"{type: object, example: {a: [1, 12345678901234567890]}}", "{type: object}", []string{at + "example"}},
		"exact numbers":                        {"{type: integer, minimum: 0, maximum: 9007199254740991, example: 5}", "{type: integer, minimum: 0, maximum: 9007199254740991, example: 5}", nil},
		"rounded to 2^53":                      {"{type: integer, minimum: -9007199254740993, maximum: 9007199254740993}", "{type: integer}", []string{at + "maximum", at + "minimum"}},
		"a PEM in an enum":                     {"{type: string, enum: [" + pem + "]}", "{type: string, enum: [" + pem + "]}", nil},
	} {
		taken, err := Take("doc", whole(t, use, "use: "+tt.use), operations)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		expectUse(t, name, taken, tt.want)
		if diff := cmp.Diff(tt.leftOut, taken.uses().LeftOut); diff != "" {
			t.Errorf("%s: left out (-want +got)\n%s", name, diff)
		}
	}
	// A media type may have example or examples, also by reference.
	for _, member := range []string{"example: {certificates: " + pem + "}", "examples: {one: {value: {certificates: " + pem + "}}}", "examples: {one: {$ref: '#/components/examples/one'}}"} {
		taken, err := Take("doc", whole(t, "schema: {$ref: '#/components/schemas/the list'}}", "schema: {$ref: '#/components/schemas/the list'}, "+member+"}"), operations)
		if err != nil {
			t.Errorf("%s: %v", member, err)
		} else if len(taken.uses().LeftOut) != 1 || strings.Contains(string(taken.uses().Encoded), "BEGIN") || strings.Contains(string(taken.uses().Encoded), "/examples/") {
			t.Errorf("%s: left out %v of\n%s", member, taken.uses().LeftOut, taken.uses().Encoded)
		}
	}
}
