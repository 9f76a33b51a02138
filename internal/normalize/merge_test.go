package normalize

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// withSchema returns a document whose one response has the schema, given in YAML.
func withSchema(t *testing.T, schema string) spec.Object {
	t.Helper()
	s, err := spec.Decode("schema", []byte("# YAML\n"+schema))
	if err != nil {
		t.Fatal(err)
	}
	return document(s)
}

func document(schema any) spec.Object {
	return spec.Object{
		"openapi": "3.0.3",
		"info":    spec.Object{"title": "t", "version": "1"},
		"paths": spec.Object{"/a/{b}": spec.Object{"get": spec.Object{
			"parameters": []any{spec.Object{"name": "b", "in": "path", "required": true, "schema": spec.Object{"type": "string"}}},
			"responses": spec.Object{"200": spec.Object{
				"description": "d",
				"content":     spec.Object{"application/json": spec.Object{"schema": schema}},
			}},
		}}},
	}
}

func schemaOf(doc spec.Object) any {
	get := doc["paths"].(spec.Object)["/a/{b}"].(spec.Object)["get"].(spec.Object)
	response := get["responses"].(spec.Object)["200"].(spec.Object)
	return response["content"].(spec.Object)["application/json"].(spec.Object)["schema"]
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
			got, err := Merge(withSchema(t, tt.published))
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

// The library merges neither nullable nor deprecated; liftKeywords does.
func TestNullAndDeprecatedAreMerged(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ published, want string }{
		"one part, nullable":                 {"{description: d, allOf: [{type: string, nullable: true}]}", "{description: d, type: string, nullable: true}"},
		"all parts nullable":                 {"{allOf: [{type: string, nullable: true}, {type: string, nullable: true, maxLength: 3}]}", "{type: string, nullable: true, maxLength: 3}"},
		"nested parts nullable":              {"{allOf: [{allOf: [{type: string, nullable: true}]}, {type: string, nullable: true}]}", "{type: string, nullable: true}"},
		"one of two parts nullable":          {"{allOf: [{type: string, nullable: true}, {type: string}]}", "{type: string}"},
		"beside a type":                      {"{type: string, allOf: [{type: string, nullable: true}]}", "{type: string}"},
		"beside a type with null":            {"{type: object, nullable: true, allOf: [{properties: {a: {type: string}}}, {maxProperties: 2}]}", "{type: object, nullable: true, maxProperties: 2, properties: {a: {type: string}}}"},
		"beside null, a part without null":   {"{type: string, nullable: true, allOf: [{type: string}]}", "{type: string}"},
		"beside null, nested":                {"{type: string, nullable: true, allOf: [{allOf: [{maxLength: 3}]}]}", "{type: string, nullable: true, maxLength: 3}"},
		"nested beside null":                 {"{allOf: [{type: string, nullable: true}, {allOf: [{maxLength: 3}]}]}", "{type: string, nullable: true, maxLength: 3}"},
		"a property of two parts":            {"{allOf: [{type: object, properties: {a: {type: string, nullable: true}}}, {properties: {a: {maxLength: 3}}}]}", "{type: object, properties: {a: {type: string, nullable: true, maxLength: 3}}}"},
		"items of two parts":                 {"{allOf: [{type: array, items: {type: string, nullable: true}}, {items: {maxLength: 3}}]}", "{type: array, items: {type: string, nullable: true, maxLength: 3}}"},
		"deprecated in one of two":           {"{allOf: [{type: object, properties: {a: {type: string, deprecated: true}}}, {properties: {a: {maxLength: 3}}}]}", "{type: object, properties: {a: {type: string, deprecated: true, maxLength: 3}}}"},
		"writeOnly in one of two":            {"{allOf: [{type: object, properties: {a: {type: string, writeOnly: true}}}, {properties: {a: {maxLength: 3}}}]}", "{type: object, properties: {a: {type: string, writeOnly: true, maxLength: 3}}}"},
		"additionalProperties in one of two": {"{allOf: [{type: object, properties: {a: {type: string}}, additionalProperties: false}, {properties: {a: {maxLength: 3}}}]}", "{type: object, properties: {a: {type: string, maxLength: 3}}, additionalProperties: false}"},
		"two levels down, of two parts":      {"{allOf: [{type: object, properties: {a: {type: object, properties: {b: {type: string, nullable: true}}}}}, {properties: {a: {allOf: [{properties: {b: {maxLength: 3}}}]}}}]}", "{type: object, properties: {a: {type: object, properties: {b: {type: string, nullable: true, maxLength: 3}}}}}"},
		"beside null, an enum without null":  {"{type: string, nullable: true, allOf: [{enum: [a]}]}", "{type: string, enum: [a]}"},
		"beside null, a choice":              {"{type: string, nullable: true, allOf: [{oneOf: [{maxLength: 3}, {pattern: x}]}]}", "{type: string, nullable: true, oneOf: [{maxLength: 3}, {pattern: x}]}"},
		"beside null, a typed choice":        {"{type: string, nullable: true, allOf: [{oneOf: [{type: string, maxLength: 3}, {type: string, pattern: x}]}]}", "{type: string, oneOf: [{type: string, maxLength: 3}, {type: string, pattern: x}]}"},
		"a part with an enum without null":   {"{allOf: [{type: string, nullable: true}, {enum: [a, b]}]}", "{type: string, enum: [a, b]}"},
		"a part that excludes null":          {"{allOf: [{type: string, nullable: true}, {anyOf: [{type: string, minLength: 9}, {type: string, maxLength: 3}]}]}", "{type: string, anyOf: [{type: string, minLength: 9}, {type: string, maxLength: 3}]}"},
		"only parts without a type":          {"{allOf: [{maxLength: 3}, {minLength: 1}]}", "{maxLength: 3, minLength: 1}"},
		"a property":                         {"{type: object, properties: {a: {allOf: [{type: object, nullable: true, properties: {b: {type: string}}}]}}}", "{type: object, properties: {a: {type: object, nullable: true, properties: {b: {type: string}}}}}"},
		"items":                              {"{type: array, items: {allOf: [{type: string, nullable: true}]}}", "{type: array, items: {type: string, nullable: true}}"},
		"a deprecated part":                  {"{allOf: [{type: string}, {type: string, deprecated: true}]}", "{type: string, deprecated: true}"},
		"a deprecated part of a part":        {"{allOf: [{allOf: [{type: string, deprecated: true}]}]}", "{type: string, deprecated: true}"},
		"a deprecated property":              {"{allOf: [{type: object, properties: {a: {type: string, deprecated: true}}}, {type: object}]}", "{type: object, properties: {a: {type: string, deprecated: true}}}"},
		"deprecated beside the parts":        {"{deprecated: true, allOf: [{type: string}]}", "{type: string, deprecated: true}"},
		"a member called deprecated":         {"{allOf: [{type: object, properties: {deprecated: {type: boolean}}}]}", "{type: object, properties: {deprecated: {type: boolean}}}"},
		"an example with an allOf":           {"{type: object, example: {allOf: [{deprecated: true, type: string, nullable: true}]}}", "{type: object, example: {allOf: [{deprecated: true, type: string, nullable: true}]}}"},
		"a choice in a part stays":           {"{allOf: [{type: object, properties: {a: {oneOf: [{type: string, nullable: true}, {type: number}]}}}]}", "{type: object, properties: {a: {oneOf: [{type: string, nullable: true}, {type: number}]}}}"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc := withSchema(t, tt.published)
			got, err := Merge(doc)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(schemaOf(withSchema(t, tt.want)), schemaOf(got)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(withSchema(t, tt.published), doc); diff != "" {
				t.Errorf("the input was changed:\n%s", diff)
			}
		})
	}
}

// Go's regexp package compiles none of these patterns.
func TestPatternsThatGoLacksAreAccepted(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{`^(?!-)[a-z]+$`, `(a)\\1`, `(?<=a)b`, `[a-`, `a{2000}`} {
		got, err := Merge(withSchema(t, `{allOf: [{type: string, pattern: "`+pattern+`"}, {type: string, maxLength: 3}]}`))
		if err != nil {
			t.Errorf("%s: %v", pattern, err)
			continue
		}
		if want := strings.ReplaceAll(pattern, `\\`, `\`); schemaOf(got).(spec.Object)["pattern"] != want {
			t.Errorf("%v, want the pattern %s", schemaOf(got), want)
		}
	}
}

// Every schema of an operation is merged, at any place.
func TestAllSchemasOfAllOperationsAreMerged(t *testing.T) {
	t.Parallel()
	const operation = `
      parameters:
        - {name: id, in: path, required: true, schema: {allOf: [{type: string}, {maxLength: 3}]}}
        - {name: q, in: query, content: {application/json: {schema: {allOf: [{type: string}, {maxLength: 3}]}}}}
      requestBody: {content: {application/json: {schema: {allOf: [{type: object, properties: {a: {allOf: [{type: string}, {maxLength: 3}]}}}, {required: [a]}]}}}}
      responses:
        200: {description: d, headers: {X-A: {schema: {allOf: [{type: string}, {maxLength: 3}]}}}, content: {application/json: {schema: {allOf: [{type: string}, {maxLength: 3}]}}}}
        default: {description: d, content: {text/plain: {schema: {allOf: [{type: string}, {maxLength: 3}]}}}}
`
	text := "openapi: 3.0.3\ninfo: {title: t, version: '1'}\npaths:\n  /a/{id}:\n    put:" + operation + "    post:" + operation + "  /b/{id}:\n    patch:" + operation
	doc, err := spec.Decode("doc", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	got, err := Merge(doc)
	if err != nil {
		t.Fatal(err)
	}
	want, err := spec.Decode("want", []byte(strings.NewReplacer(
		"{allOf: [{type: string}, {maxLength: 3}]}", "{type: string, maxLength: 3}",
		"{allOf: [{type: object, properties: {a: {allOf: [{type: string}, {maxLength: 3}]}}}, {required: [a]}]}", "{type: object, required: [a], properties: {a: {type: string, maxLength: 3}}}",
	).Replace(text)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for place, edit := range map[string][2]string{
		"/paths/~1b~1{id}/patch/requestBody/content/application~1json/schema/allOf/0/properties/a": {"properties: {a: {allOf: [{type: string}", "properties: {a: {allOf: [{type: number}"},
		"/paths/~1b~1{id}/patch/parameters/0/schema":                                               {"required: true, schema: {allOf: [{type: string}", "required: true, schema: {allOf: [{type: number}"},
		"/paths/~1b~1{id}/patch/responses/200/headers/X-A/schema":                                  {"X-A: {schema: {allOf: [{type: string}", "X-A: {schema: {allOf: [{type: number}"},
	} {
		at := strings.LastIndex(text, edit[0])
		edited := text[:at] + strings.Replace(strings.Replace(text[at:], edit[0], edit[1], 1), "maxLength: 3", "type: string", 1)
		doc, err := spec.Decode("doc", []byte(edited))
		if err != nil {
			t.Fatal(err)
		}
		_, err = Merge(doc)
		if err == nil || !strings.HasPrefix(err.Error(), place+": contradiction: ") {
			t.Errorf("error %v, want a contradiction in %s", err, place)
		}
	}
}

func TestContradictionsNameTheSchemaAndTheKeyword(t *testing.T) {
	t.Parallel()
	const root = "/paths/~1a~1{b}/get/responses/200/content/application~1json/schema"
	tests := map[string]struct{ schema, pointer, keyword string }{
		"types of one property, two levels down": {
			"{allOf: [{allOf: [{type: object, properties: {result: {type: array, items: {}}}}]}, {type: object, properties: {result: {type: object}}}]}",
			root + "/properties/result", "Type conflict"},
		"types of the parts": {
			"{type: object, properties: {a/b: {allOf: [{type: string}, {type: integer}]}}}",
			root + "/properties/a~1b", "Type conflict"},
		"values of the parts": {
			"{allOf: [{type: object, properties: {success: {type: boolean, enum: [true]}}}, {type: object, properties: {success: {type: boolean, enum: [false]}}}]}",
			root + "/properties/success", "Enum conflict"},
		"bounds of the parts": {
			"{type: object, properties: {id: {allOf: [{type: string, minLength: 40}, {type: string, maxLength: 3}]}}}",
			root + "/properties/id", "minLength"},
		"bounds of a list":    {"{type: array, items: {}, minItems: 3, maxItems: 2}", root, "minItems"},
		"bounds of an object": {"{type: object, minProperties: 3, maxProperties: 2}", root, "minProperties"},
		"bounds of a number":  {"{type: array, items: {type: number, minimum: 3, maximum: 2}}", root + "/items", "minimum"},
		"formats in a list": {
			"{type: array, items: {allOf: [{type: string, format: date}, {type: string, format: uuid}]}}",
			root + "/items", "Format conflict"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Merge(withSchema(t, tt.schema))
			if err == nil || !strings.HasPrefix(err.Error(), tt.pointer+": contradiction: ") || !strings.Contains(err.Error(), tt.keyword) {
				t.Fatalf("error %v, want a contradiction of %s in %s", err, tt.keyword, tt.pointer)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
		})
	}
}

// panicking panics when it is encoded, like a fault of a library.
type panicking struct{}

func (panicking) MarshalJSON() ([]byte, error) { panic("bad\nstack") }

func TestPanicsOfTheLibrariesAreRefusalsWithPlaceAndCause(t *testing.T) {
	t.Parallel()
	const root = "/paths/~1a~1{b}/get/responses/200/content/application~1json/schema"
	for name, tt := range map[string]struct {
		schema any
		want   string // beginning of the error
	}{
		"object in an enum":                 {"{allOf: [{enum: [{a: 1}]}, {enum: [b]}]}", root + ": merging allOf panicked: "},
		"list in an enum of a property":     {"{properties: {p: {allOf: [{enum: [[a]]}, {enum: [[a]]}]}}}", root + "/properties/p: merging allOf panicked: "},
		"object in an enum, one level down": {"{items: {allOf: [{properties: {p: {enum: [{a: 1}]}}}, {properties: {p: {enum: [b]}}}]}}", root + "/items/properties/p: merging allOf panicked: "},
		"encoding":                          {panicking{}, "validating the document panicked: bad"},
	} {
		doc := document(tt.schema)
		if text, ok := tt.schema.(string); ok {
			doc = withSchema(t, text)
		}
		_, err := Merge(doc)
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want %q and a cause in one line", name, err, tt.want)
		}
	}
}

func TestInvalidDocumentsAreRefusedInOneLine(t *testing.T) {
	t.Parallel()
	noInfo := withSchema(t, "{type: string}")
	delete(noInfo, "info")
	tests := map[string]spec.Object{
		"no info":      noInfo,
		"unknown type": withSchema(t, "{type: thing}"),
		"wrong shape":  {"openapi": "3.0.3", "paths": []any{}},
	}
	for name, doc := range tests {
		if _, err := Merge(doc); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %q, want one line", name, err)
		}
	}
}
