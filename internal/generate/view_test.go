package generate

import (
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

const (
	plainParameters  = "[{in: path, name: id, required: true, schema: {type: string}}]"
	plainAssociation = "{type: object, properties: {service: {type: string}, enum: {type: string}, counts: {type: array, items: {type: number}}}}"
)

func TestDetailsLeaveTheViewUnchanged(t *testing.T) {
	t.Parallel()
	want := View(document(t, plainParameters, plainAssociation))
	tests := map[string]struct{ parameters, association string }{
		"optional query parameter": {
			"[{in: path, name: id, required: true, schema: {type: string}}, {in: query, name: page, schema: {type: integer}}]", plainAssociation},
		"optional header": {
			"[{in: header, name: X-Trace, required: false, schema: {type: string}}, {in: path, name: id, required: true, schema: {type: string}}]", plainAssociation},
		"format of an id": {
			"[{in: path, name: id, required: true, schema: {type: string, format: uuid}}]", plainAssociation},
		"deprecated parameter": {
			"[{in: path, name: id, required: true, deprecated: true, schema: {type: string}}]", plainAssociation},
		"known values": {plainParameters,
			"{type: object, properties: {service: {type: string, enum: [a, b]}, enum: {type: string}, counts: {type: array, items: {type: number}}}}"},
		"null, formats and deprecation": {plainParameters,
			"{type: object, deprecated: true, properties: {service: {type: string, nullable: true, format: date-time}, enum: {type: string}, counts: {type: array, nullable: true, items: {type: number, format: float}}}}"},
		"additional properties": {plainParameters,
			"{type: object, additionalProperties: {type: string}, properties: {service: {type: string}, enum: {type: string}, counts: {type: array, items: {type: number}}}}"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			contract := document(t, tt.parameters, tt.association)
			before := spec.Clone(contract)
			if diff := cmp.Diff(want, View(contract)); diff != "" {
				t.Errorf("(-plain +edited)\n%s", diff)
			}
			if diff := cmp.Diff(before, contract); diff != "" {
				t.Errorf("the contract was changed:\n%s", diff)
			}
		})
	}
}

func TestWhatGoNeedsStays(t *testing.T) {
	t.Parallel()
	plain := View(document(t, plainParameters, plainAssociation))
	for name, contract := range map[string]spec.Object{
		"required query parameter": document(t, "[{in: path, name: id, required: true, schema: {type: string}}, {in: query, name: page, required: true, schema: {type: integer}}]", plainAssociation),
		"new property":             document(t, plainParameters, "{type: object, properties: {service: {type: string}, enum: {type: string}, counts: {type: array, items: {type: number}}, since: {type: string}}}"),
		"other type":               document(t, plainParameters, "{type: object, properties: {service: {type: integer}, enum: {type: string}, counts: {type: array, items: {type: number}}}}"),
		"map":                      document(t, plainParameters, "{type: object, additionalProperties: {type: string}}"),
	} {
		if cmp.Equal(plain, View(contract)) {
			t.Errorf("%s: the view does not show it", name)
		}
	}
}
