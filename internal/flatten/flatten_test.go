package flatten

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/internal/specdoc"
)

// withSchema is a document whose one response has the schema, given in YAML.
func withSchema(t *testing.T, schema string) specdoc.Object {
	t.Helper()
	s, err := specdoc.Decode("schema", []byte("# YAML\n"+schema))
	if err != nil {
		t.Fatal(err)
	}
	return document(s)
}

func document(schema any) specdoc.Object {
	return specdoc.Object{
		"openapi": "3.0.3",
		"info":    specdoc.Object{"title": "t", "version": "1"},
		"paths": specdoc.Object{"/a/{b}": specdoc.Object{"get": specdoc.Object{
			"parameters": []any{specdoc.Object{"name": "b", "in": "path", "required": true, "schema": specdoc.Object{"type": "string"}}},
			"responses": specdoc.Object{"200": specdoc.Object{
				"description": "d",
				"content":     specdoc.Object{"application/json": specdoc.Object{"schema": schema}},
			}},
		}}},
	}
}

func schemaOf(doc specdoc.Object) any {
	get := doc["paths"].(specdoc.Object)["/a/{b}"].(specdoc.Object)["get"].(specdoc.Object)
	response := get["responses"].(specdoc.Object)["200"].(specdoc.Object)
	return response["content"].(specdoc.Object)["application/json"].(specdoc.Object)["schema"]
}

func TestAllOfIsMerged(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ published, want string }{
		"nested envelope": {
			`
allOf:
  - allOf:
      - {type: object, required: [success, errors], properties: {success: {type: boolean}, result: {anyOf: [{type: object}, {type: array, items: {}}, {type: string}]}}}
      - {properties: {result: {type: array, nullable: true, items: {}}, info: {type: object, properties: {page: {type: number}}}}}
    type: object
  - {properties: {result: {type: array, items: {type: object, properties: {service: {type: string}}}}}}`,
			`
type: object
required: [errors, success]
properties:
  success: {type: boolean}
  result: {type: array, items: {type: object, properties: {service: {type: string}}}}
  info: {type: object, properties: {page: {type: number}}}`,
		},
		"list wrapped in allOf with its own example": {
			"{type: object, properties: {errors: {allOf: [{type: array, items: {type: string}, example: [a]}], example: [b], minLength: 1}}}",
			"{type: object, properties: {errors: {type: array, items: {type: string}, example: [b]}}}",
		},
		"bounds narrow": {
			"{allOf: [{type: string, maxLength: 36}, {type: string, maxLength: 32, minLength: 1}]}",
			"{type: string, maxLength: 32, minLength: 1}",
		},
		"enumerations intersect": {
			"{allOf: [{type: string, enum: [a, b]}, {type: string, enum: [b, c]}]}",
			"{type: string, enum: [b]}",
		},
		"a choice that matters stays": {
			"{type: object, properties: {id: {anyOf: [{type: string, maxLength: 3}, {type: string, enum: [long]}]}}}",
			"{type: object, properties: {id: {anyOf: [{type: string, maxLength: 3}, {type: string, enum: [long]}]}}}",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Flatten(withSchema(t, tt.published))
			if err != nil {
				t.Fatal(err)
			}
			want := schemaOf(withSchema(t, tt.want))
			if diff := cmp.Diff(want, schemaOf(got)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestContradictionsNameTheSchemaAndTheKeyword(t *testing.T) {
	t.Parallel()
	const root = "/paths/~1a~1{b}/get/responses/200/content/application~1json/schema"
	tests := map[string]struct{ schema, pointer, keyword string }{
		"types of one property, two levels down": {
			"{allOf: [{allOf: [{type: object, properties: {result: {type: array, items: {}}}}]}, {type: object, properties: {result: {type: object}}}]}",
			root + "/properties/result", "type"},
		"types of the parts": {
			"{type: object, properties: {a/b: {allOf: [{type: string}, {type: integer}]}}}",
			root + "/properties/a~1b", "type"},
		"values of the parts": {
			"{allOf: [{type: object, properties: {success: {type: boolean, enum: [true]}}}, {type: object, properties: {success: {type: boolean, enum: [false]}}}]}",
			root + "/properties/success", "enum"},
		"bounds of the parts": {
			"{type: object, properties: {id: {allOf: [{type: string, minLength: 40}, {type: string, maxLength: 3}]}}}",
			root + "/properties/id", "minLength"},
		"bounds of a count": {"{type: array, items: {type: number, minimum: 3, maximum: 2}}", root + "/items", "minimum"},
		"formats in a list": {
			"{type: array, items: {allOf: [{type: string, format: date}, {type: string, format: uuid}]}}",
			root + "/items", "format"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Flatten(withSchema(t, tt.schema))
			got, ok := errors.AsType[*ContradictionError](err)
			if !ok {
				t.Fatalf("error %v, want a Contradiction", err)
			}
			if got.Pointer != tt.pointer || got.Keyword != tt.keyword {
				t.Errorf("%s in %s, want %s in %s", got.Keyword, got.Pointer, tt.keyword, tt.pointer)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
		})
	}
}

// panicking panics when it is encoded, as a fault of a library would.
type panicking struct{}

func (panicking) MarshalJSON() ([]byte, error) { panic("bad\nstack") }

func TestPanicsOfTheLibrariesAreRefusalsWithPlaceAndCause(t *testing.T) {
	t.Parallel()
	const root = "/paths/~1a~1{b}/get/responses/200/content/application~1json/schema"
	for name, tt := range map[string]struct {
		schema any
		want   string // of the error's text, its beginning
	}{
		"object in an enum":                {"{allOf: [{enum: [{a: 1}]}, {enum: [b]}]}", root + ": merging allOf panicked: "},
		"list in an enum of a property":    {"{properties: {p: {allOf: [{enum: [[a]]}, {enum: [[a]]}]}}}", root + "/properties/p: merging allOf panicked: "},
		"object in an enum, in both parts": {"{items: {allOf: [{properties: {p: {enum: [{a: 1}]}}}, {properties: {p: {enum: [b]}}}]}}", root + "/items/properties/p: merging allOf panicked: "},
		"encoding":                         {panicking{}, "validating the document panicked: bad"},
	} {
		doc := document(tt.schema)
		if text, ok := tt.schema.(string); ok {
			doc = withSchema(t, text)
		}
		_, err := Flatten(doc)
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want %q and a cause in one line", name, err, tt.want)
		}
	}
}

func TestInvalidDocumentsAreRefusedInOneLine(t *testing.T) {
	t.Parallel()
	noInfo := withSchema(t, "{type: string}")
	delete(noInfo, "info")
	tests := map[string]specdoc.Object{
		"no info":      noInfo,
		"unknown type": withSchema(t, "{type: thing}"),
		"wrong shape":  {"openapi": "3.0.3", "paths": []any{}},
	}
	for name, doc := range tests {
		if _, err := Flatten(doc); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %q, want one line", name, err)
		}
	}
}
