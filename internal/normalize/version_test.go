package normalize

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const thing = "        service: {type: string}\n"

func TestOpenAPI31IsReadAs30(t *testing.T) {
	t.Parallel()
	const info = "info: {title: Things, "
	tests := map[string]struct{ in31, in30 string }{
		"members of info only": {thing, thing},
		"list of one type and null": {
			"        service: {type: [string, 'null'], maxLength: 3}\n",
			"        service: {type: string, nullable: true, maxLength: 3}\n"},
		"list of one type": {"        service: {type: [string]}\n", thing},
		"null alone":       {"        service: {type: 'null'}\n", "        service: {type: object, nullable: true, enum: [null]}\n"},
		"choice of null": {
			"        service: {anyOf: [{type: 'null'}, {type: string, maxLength: 3}]}\n",
			"        service: {allOf: [{type: string, nullable: true, maxLength: 3}]}\n"},
		"choice of null and of values": {
			"        service: {oneOf: [{type: string, enum: [a]}, {type: 'null', description: none}]}\n",
			"        service: {allOf: [{type: string, nullable: true, enum: [a, null]}]}\n"},
		"choice of null and a reference": {
			"        n: {oneOf: [{$ref: '#/components/schemas/thing/properties/default'}, {type: 'null'}]}\n",
			"        n: {allOf: [{type: string, nullable: true}]}\n"},
		"choice of null and two types": {
			"        service: {anyOf: [{type: string}, {type: number}, {type: 'null'}]}\n",
			"        service: {anyOf: [{type: string}, {type: number}, {type: object, nullable: true, enum: [null]}]}\n"},
		"list of array and null":   {"        service: {type: [array, 'null']}\n", "        service: {type: array, nullable: true, items: {}}\n"},
		"choice of array and null": {"        service: {anyOf: [{type: array}, {type: 'null'}]}\n", "        service: {allOf: [{type: array, nullable: true, items: {}}]}\n"},
		"array of anything":        {"        service: {type: array}\n", "        service: {type: array, items: {}}\n"},
		// A document that only raises its version still uses nullable.
		"nullable, of 3.0": {"        service: {type: string, nullable: true}\n", "        service: {type: string, nullable: true}\n"},
		"annotations":      {"        service: {type: string, $comment: no, $defs: {a: {if: {}}}, examples: [a, b], $schema: s, contentMediaType: text/plain, contentEncoding: base64, contentSchema: {}}\n", thing},
		"reference with siblings": {
			"        n: {$ref: '#/components/schemas/thing/properties/default', maxLength: 4, description: dropped}\n",
			"        n: {allOf: [{type: string}, {maxLength: 4}]}\n"},
		"reference with annotations": {
			"        n: {$ref: '#/components/schemas/thing/properties/default', description: dropped}\n", "        n: {type: string}\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := canonical(t, published(t, "openapi: 3.0.3", "openapi: 3.1.0", thing, tt.in31, info, info+"summary: s, license: {name: MIT, identifier: MIT}, "))
			want := canonical(t, published(t, thing, tt.in30, info, info+"license: {name: MIT}, "))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-3.0 +3.1)\n%s", diff)
			}
		})
	}
}

func TestOpenAPI31IsRefusedWhere30Differs(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ schema, want string }{
		"conditions":       {"{if: {type: string}}", "field if of OpenAPI 3.1 has no counterpart in 3.0"},
		"tuples":           {"{type: array, items: {}, prefixItems: [{type: string}]}", "field prefixItems"},
		"several types":    {"{type: [string, integer]}", "an array of types"},
		"odd type":         {"{type: 5}", "not an OpenAPI document"},
		"constant":         {"{const: a}", "field const"},
		"exclusive number": {"{type: integer, exclusiveMinimum: 5}", "a numeric exclusiveMinimum"},
		"boolean schema":   {"true", "a boolean schema"},
		"dynamic":          {"{$dynamicRef: '#x'}", "field $dynamicRef"},
		"unknown":          {"{nonsense: 5}", "nonsense"},
		"deep in an arm":   {"{anyOf: [{type: string}, {contains: {}}]}", "field contains"},
		"deep in items":    {"{items: {unevaluatedProperties: false}}", "field unevaluatedProperties"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Merge(canonical(t, published(t, "openapi: 3.0.3", "openapi: 3.1.0", thing, "        service: "+tt.schema+"\n")))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestOtherSchemaDialectsAreRefused(t *testing.T) {
	t.Parallel()
	_, err := canonicalForm(published(t, "openapi: 3.0.3", "openapi: 3.1.0\njsonSchemaDialect: https://example.com/other"), operations[0])
	if err == nil || !strings.HasPrefix(err.Error(), "plain.json: /jsonSchemaDialect:") {
		t.Errorf("error %v", err)
	}
	if _, err := canonicalForm(published(t, "openapi: 3.0.3", "openapi: 3.1.0\njsonSchemaDialect: https://spec.openapis.org/oas/3.1/dialect/base"), operations[0]); err != nil {
		t.Errorf("the default dialect: %v", err)
	}
}
