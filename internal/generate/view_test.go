package generate

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

func document(t *testing.T, parameters, association string) spec.Object {
	t.Helper()
	doc, err := spec.Decode("test", []byte(`openapi: 3.0.3
paths:
  /a/{id}:
    get:
      parameters: `+parameters+`
      responses:
        200: {description: d, content: {application/json: {schema: {$ref: '#/components/schemas/Association'}}}}
components:
  schemas:
    Association: `+association+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// operations is the list for the documents of these tests.
var operations = spec.Operations{
	{Name: "listA", Method: "GET", Path: "/a/{x}", Query: []string{"kind", "size"}},
	{Name: "makeA", Method: "POST", Path: "/a/{x}", Query: []string{"page"}},
	{Name: "deleteA", Method: "DELETE", Path: "/a/{x}"},
}

const (
	plainParameters  = "[{in: path, name: id, required: true, schema: {type: string}}]"
	plainAssociation = "{type: object, properties: {service: {type: string}, enum: {type: string}, counts: {type: array, items: {type: number}}}}"
)

func TestDetailsLeaveTheViewUnchanged(t *testing.T) {
	t.Parallel()
	want := View(document(t, plainParameters, plainAssociation), operations)
	tests := map[string]struct{ parameters, association string }{
		"optional query parameter": {
			"[{in: path, name: id, required: true, schema: {type: string}}, {in: query, name: page, schema: {type: integer}}]", plainAssociation},
		"listed names outside the query": {
			"[{in: path, name: id, required: true, schema: {type: string}}, {in: cookie, name: kind, schema: {type: string}}, {in: header, name: size, schema: {type: string}}]", plainAssociation},
		"optional header": {
			"[{in: header, name: X-Trace, required: false, schema: {type: string}}, {in: path, name: id, required: true, schema: {type: string}}]", plainAssociation},
		"format of an id": {
			"[{in: path, name: id, required: true, schema: {type: string, format: uuid}}]", plainAssociation},
		"deprecated parameter": {
			"[{in: path, name: id, required: true, deprecated: true, schema: {type: string}}]", plainAssociation},
		"known values": {plainParameters,
			"{type: object, properties: {service: {type: string, enum: [a, b]}, enum: {type: string}, counts: {type: array, items: {type: number}}}}"},
		"null and deprecation": {plainParameters,
			"{type: object, deprecated: true, properties: {service: {type: string, nullable: true}, enum: {type: string}, counts: {type: array, nullable: true, items: {type: number}}}}"},
		"choices beside properties": {plainParameters,
			"{type: object, anyOf: [{required: [service]}, {required: [enum]}], oneOf: [{properties: {service: {type: string}}}, {type: object}], properties: {service: {type: string}, enum: {type: string}, counts: {type: array, items: {type: number}}}}"},
		"additional properties": {plainParameters,
			"{type: object, additionalProperties: {type: string}, properties: {service: {type: string}, enum: {type: string}, counts: {type: array, items: {type: number}}}}"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			contract := document(t, tt.parameters, tt.association)
			before := spec.Clone(contract)
			if diff := cmp.Diff(want, View(contract, operations)); diff != "" {
				t.Errorf("(-plain +edited)\n%s", diff)
			}
			if diff := cmp.Diff(before, contract); diff != "" {
				t.Errorf("the contract was changed:\n%s", diff)
			}
		})
	}
}

func TestViewKeepsDetailsThatTheCodeNeeds(t *testing.T) {
	t.Parallel()
	plain := View(document(t, plainParameters, plainAssociation), operations)
	for name, contract := range map[string]spec.Object{
		"required query parameter": document(t, "[{in: path, name: id, required: true, schema: {type: string}}, {in: query, name: page, required: true, schema: {type: integer}}]", plainAssociation),
		"listed query parameter":   document(t, "[{in: path, name: id, required: true, schema: {type: string}}, {in: query, name: kind, schema: {type: string}}]", plainAssociation),
		"required header":          document(t, "[{in: path, name: id, required: true, schema: {type: string}}, {in: header, name: X-H, required: true, schema: {type: string}}]", plainAssociation),
		"new property":             document(t, plainParameters, "{type: object, properties: {service: {type: string}, enum: {type: string}, counts: {type: array, items: {type: number}}, since: {type: string}}}"),
		"other type":               document(t, plainParameters, "{type: object, properties: {service: {type: integer}, enum: {type: string}, counts: {type: array, items: {type: number}}}}"),
		"map":                      document(t, plainParameters, "{type: object, additionalProperties: {type: string}}"),
		"choice":                   document(t, plainParameters, "{oneOf: [{type: object, properties: {service: {type: string}}}, {type: string}]}"),
	} {
		if cmp.Equal(plain, View(contract, operations)) {
			t.Errorf("%s: the view does not show the difference", name)
		}
	}
}

func TestViewKeepsTheParametersThatTheListNames(t *testing.T) {
	t.Parallel()
	const all = `[{in: path, name: id, required: true, schema: {type: integer}}, {in: query, name: kind, schema: {type: string, enum: [a]}},
        {in: query, name: page, schema: {type: integer}}, {in: query, name: size, schema: {type: array, items: {type: string, enum: [b]}}},
        {in: query, name: sort, required: true, schema: {type: string}}, {in: header, name: kind, schema: {type: string}}]`
	doc := document(t, all, plainAssociation)
	item := spec.Child(doc["paths"], "/a/{id}")
	item["post"] = spec.Clone(item["get"])
	item["delete"] = spec.Clone(item["get"])
	got := map[string]string{}
	for l := range spec.All(View(doc, operations)) {
		var names []string
		for _, p := range l.Operation["parameters"].([]any) {
			parameter := p.(spec.Object)
			schema := parameter["schema"].(spec.Object)
			if _, ok := schema["enum"]; ok || parameter["in"] == "path" && schema["type"] != "string" {
				t.Errorf("%s: %v", l.Title(), parameter)
			}
			names = append(names, parameter["in"].(string)+" "+parameter["name"].(string))
		}
		got[l.Method] = strings.Join(names, ", ")
	}
	want := map[string]string{
		"get": "path id, query kind, query size, query sort", "post": "path id, query page, query sort", "delete": "path id, query sort",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestViewReducesRequestBodies(t *testing.T) {
	t.Parallel()
	doc := document(t, plainParameters, plainAssociation)
	item := spec.Child(doc["paths"], "/a/{id}")
	body := func(schema spec.Object) spec.Object {
		return spec.Object{"content": spec.Object{"application/json": spec.Object{"schema": schema}}}
	}
	get := spec.Child(item, "get")
	get["deprecated"] = true
	want := body(spec.Object{"type": "string", "example": spec.Object{"enum": 1.0}})
	get["requestBody"] = body(spec.Object{"type": "string", "enum": []any{"a"}, "nullable": true, "example": spec.Object{"enum": 1.0}})
	for _, another := range []string{"multipart/form-data", "application/vnd.api+json"} {
		spec.Child(get, "requestBody", "content")[another] = spec.Object{"schema": spec.Object{"type": "object"}}
	}
	spec.Child(get, "responses", "200")["headers"] = spec.Object{"Link": spec.Object{"content": spec.Object{"text/plain": spec.Object{}}}}
	// The template reports a parameter without a schema, so the view keeps its content.
	filter := spec.Object{"in": "query", "name": "kind", "content": spec.Object{"text/plain": spec.Object{"schema": spec.Object{"type": "string"}}}}
	get["parameters"] = append(spec.List(get, "parameters"), any(filter))
	for l := range spec.All(View(doc, operations)) {
		if diff := cmp.Diff(any(want), l.Operation["requestBody"]); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		if headers := spec.Child(l.Operation, "responses", "200")["headers"]; headers != nil {
			t.Errorf("headers are left: %v", headers)
		}
		if parameters := spec.List(l.Operation, "parameters"); !cmp.Equal(parameters[len(parameters)-1], any(filter)) {
			t.Errorf("parameters %v, want %v last", parameters, filter)
		}
		if _, ok := l.Operation["deprecated"]; ok {
			t.Error("the operation is still deprecated")
		}
	}
}
