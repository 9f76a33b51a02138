package normalize

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// values are JSON values of every type, in and out of the bounds used below.
var values = []any{
	nil, true, 0.0, 1.0, 2.5, -3.0, 100.0, "", "a", "long text",
	[]any{}, []any{1.0}, []any{1.0, 1.0}, []any{"a", "b", "c"},
	spec.Object{}, spec.Object{"a": 1.0}, spec.Object{"a": "x", "b": 2.0},
}

// Simplifying must not change which values a schema accepts.
func TestSimplifiedSchemasAcceptTheSame(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ before, after string }{
		"length of a list":             {"{type: array, items: {}, minLength: 5}", "{type: array, items: {}}"},
		"uniqueness of an object":      {"{type: object, uniqueItems: true, minItems: 3}", "{type: object}"},
		"bounds of a string":           {"{type: string, minimum: 3, required: [a], maxLength: 3}", "{type: string, maxLength: 3}"},
		"integers have numeric bounds": {"{type: integer, minimum: 1, pattern: x}", "{type: integer, minimum: 1}"},
		"choice made by the type":      {"{type: array, items: {type: number}, anyOf: [{type: object}, {type: array, items: {}}, {type: string}]}", "{type: array, items: {type: number}}"},
		"integer is a number":          {"{type: integer, anyOf: [{type: string}, {type: number}]}", "{type: integer}"},
		"oneOf, with one left":         {"{type: string, oneOf: [{type: object}, {type: string}]}", "{type: string}"},
		"oneOf, one arm of integers":   {"{type: number, oneOf: [{type: integer}, {type: number}]}", "{type: number, oneOf: [{type: integer}, {type: number}]}"},
		"anyOf, one arm of integers":   {"{type: number, anyOf: [{type: integer}, {type: string}]}", "{type: number, anyOf: [{type: integer}, {type: string}]}"},
		"oneOf, with two left":         {"{type: string, oneOf: [{type: string}, {type: string, maxLength: 1}]}", "{type: string, oneOf: [{type: string}, {type: string, maxLength: 1}]}"},
		"arm that narrows":             {"{type: string, anyOf: [{type: string, maxLength: 1}, {type: object}]}", "{type: string, anyOf: [{type: string, maxLength: 1}, {type: object}]}"},
		"nullable stays unchanged":     {"{type: string, nullable: true, anyOf: [{type: string}]}", "{type: string, nullable: true, anyOf: [{type: string}]}"},
		"no type, nothing decided":     {"{minLength: 2, anyOf: [{type: string}, {type: number}]}", "{minLength: 2, anyOf: [{type: string}, {type: number}]}"},
		"order of required":            {"{type: object, required: [b, a]}", "{type: object, required: [a, b]}"},
		"below properties":             {"{type: object, properties: {a: {type: number, minLength: 3}}}", "{type: object, properties: {a: {type: number}}}"},
		"properties named as keywords": {"{type: object, properties: {type: {type: string}, minLength: {type: string}, enum: {type: string, minItems: 2}}}", "{type: object, properties: {type: {type: string}, minLength: {type: string}, enum: {type: string}}}"},
		"examples are data":            {"{type: string, example: {type: array, minLength: 1}}", "{type: string, example: {type: array, minLength: 1}}"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before, after := withSchema(t, tt.before), withSchema(t, tt.after)
			simplified := spec.Clone(before)
			simplify(schemaOf(simplified).(spec.Object))
			if diff := cmp.Diff(schemaOf(after), schemaOf(simplified)); diff != "" {
				t.Fatalf("(-want +got)\n%s", diff)
			}
			for _, value := range values {
				if was, is := accepts(t, before, value), accepts(t, simplified, value); was != is {
					t.Errorf("%v: accepted %t before and %t after", value, was, is)
				}
			}
		})
	}
}

func accepts(t *testing.T, doc spec.Object, value any) bool {
	t.Helper()
	spec, err := Load(doc)
	if err != nil {
		t.Fatal(fmt.Errorf("%w in %v", err, schemaOf(doc)))
	}
	schema := spec.Paths.Find("/a/{b}").Get.Responses.Value("200").Value.Content.Get("application/json").Schema.Value
	return schema.VisitJSON(value) == nil
}
