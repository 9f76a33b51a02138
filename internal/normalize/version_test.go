package normalize

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const thing = "        service: {type: string}\n"

func TestOpenAPI31IsWrittenAs30WhereItCanBe(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ in31, in30 string }{
		"nothing of 3.1": {thing, thing},
		"list of one type and null": {
			"        service: {type: [string, 'null'], maxLength: 3}\n",
			"        service: {type: string, nullable: true, maxLength: 3}\n"},
		"list of one type": {"        service: {type: [string]}\n", thing},
		"null alone":       {"        service: {type: 'null'}\n", "        service: {type: object, nullable: true, enum: [null]}\n"},
		"choice of null":   {"        service: {anyOf: [{type: string}, {type: 'null'}]}\n", "        service: {type: string, nullable: true}\n"},
		"choice of null by oneOf": {
			"        service: {description: kept, oneOf: [{type: 'null'}, {type: string, description: dropped}]}\n",
			"        service: {description: kept, type: string, nullable: true}\n"},
		"const":             {"        service: {type: string, const: a}\n", "        service: {type: string, enum: [a]}\n"},
		"list of examples":  {"        service: {type: string, examples: [a, b]}\n", "        service: {type: string, example: a}\n"},
		"exclusive minimum": {"        n: {type: integer, exclusiveMinimum: 5}\n", "        n: {type: integer, minimum: 5, exclusiveMinimum: true}\n"},
		"weaker exclusive minimum": {
			"        n: {type: integer, minimum: 7, exclusiveMinimum: 5}\n", "        n: {type: integer, minimum: 7}\n"},
		"stronger exclusive maximum": {
			"        n: {type: integer, maximum: 7, exclusiveMaximum: 7}\n", "        n: {type: integer, maximum: 7, exclusiveMaximum: true}\n"},
		"boolean schemas": {
			"        a: true\n        b: false\n        c: {type: array, items: true}\n        d: {additionalProperties: false}\n",
			"        a: {}\n        b: {not: {}}\n        c: {type: array, items: {}}\n        d: {additionalProperties: false}\n"},
		"annotations": {"        service: {type: string, $comment: no, contentMediaType: text/plain}\n", thing},
		"reference with siblings": {
			"        n: {$ref: '#/components/schemas/thing/properties/default', maxLength: 4, description: dropped}\n",
			"        n: {allOf: [{type: string}, {maxLength: 4, description: dropped}]}\n"},
		"reference with prose": {
			"        n: {$ref: '#/components/schemas/thing/properties/default', description: dropped}\n", "        n: {type: string}\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := canonical(t, published(t, "openapi: 3.0.3", "openapi: 3.1.0", thing, tt.in31))
			want := canonical(t, published(t, thing, tt.in30))
			if name == "reference with siblings" {
				// The description of a reference replaces the target's; it is prose.
				want = canonical(t, published(t, thing, strings.Replace(tt.in30, ", description: dropped", "", 1)))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-3.0 +3.1)\n%s", diff)
			}
		})
	}
}

func TestOpenAPI31IsRefusedByKeywordWhereItCannotBe(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ schema, want string }{
		"conditions":      {"{if: {type: string}}", "properties/service/if: OpenAPI 3.0 has no counterpart"},
		"tuples":          {"{type: array, prefixItems: [{type: string}]}", "/prefixItems:"},
		"several types":   {"{type: [string, integer]}", "/type: OpenAPI 3.0 has no counterpart for several types [string integer]"},
		"no type":         {"{type: []}", "an empty list of types"},
		"odd type":        {"{type: 5}", "neither a name nor a list"},
		"nullable of 3.0": {"{type: string, nullable: true}", "/nullable:"},
		"dynamic":         {"{$dynamicRef: '#x'}", "/$dynamicRef:"},
		"const and enum":  {"{const: 1, enum: [2]}", "beside enum"},
		"no schema":       {"5", "a schema is an object or a boolean"},
		"deep in an arm":  {"{anyOf: [{type: string}, {contains: {}}]}", "/anyOf/1/contains:"},
		"deep in items":   {"{items: {unevaluatedProperties: false}}", "/items/unevaluatedProperties:"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Canonicalize(published(t, "openapi: 3.0.3", "openapi: 3.1.0", thing, "        service: "+tt.schema+"\n"), operations)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestOtherSchemaDialectsAreRefused(t *testing.T) {
	t.Parallel()
	_, err := Canonicalize(published(t, "openapi: 3.0.3", "openapi: 3.1.0\njsonSchemaDialect: https://example.com/other"), operations)
	if err == nil || !strings.HasPrefix(err.Error(), "/jsonSchemaDialect:") {
		t.Errorf("error %v", err)
	}
}
