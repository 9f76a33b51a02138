package normalize

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestKeywordsWithoutMeaningAreRemoved(t *testing.T) {
	t.Parallel()
	want := canonical(t, published(t))
	tests := map[string][]string{
		"patch version":            {"openapi: 3.0.3", "openapi: 3.0.0"},
		"extensions of a schema":   {thing, "        service: {type: string, x-auditable: true}\n"},
		"extensions of generators": {thing, "        service: {type: string, x-go-type: 'int; var _ = os.Exit', x-go-name: Bad, x-order: 1}\n"},
		"discriminator":            {"    thing:\n", "    thing:\n      discriminator: {propertyName: service, mapping: {a: '#/components/schemas/thing'}}\n"},
		"headers that are ignored": {"      parameters:\n", "      parameters:\n        - {in: header, name: Accept, required: true, schema: {type: string}}\n        - {in: header, name: CONTENT-type, schema: {type: string}}\n"},
		"callbacks":                {"    get:\n", "    get:\n      callbacks: {ready: {'{$request.body#/url}': {post: {responses: {200: {description: ok}}}}}}\n"},
		"extensions of a response": {"          description: good\n", "          description: good\n          x-summary: none\n"},
	}
	for name, edits := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(want, canonical(t, published(t, edits...))); diff != "" {
				t.Errorf("(-plain +edited)\n%s", diff)
			}
		})
	}
}

// A name that the vendor chose may be a keyword of OpenAPI elsewhere.
func TestNamesAreNotMistakenForKeywords(t *testing.T) {
	t.Parallel()
	for name, edits := range map[string][]string{
		"response called default": {"        4XX:\n          description: bad\n", "        default:\n          description: bad\n"},
		"property called properties": {thing,
			"        properties: {type: object, example: {$ref: 'no reference'}, properties: {enum: {$ref: '#/components/schemas/thing/properties/default'}}}\n"},
		"property called discriminator":     {thing, "        discriminator: {$ref: '#/components/schemas/thing/properties/default'}\n"},
		"property called like an extension": {thing, "        x-service: {$ref: '#/components/schemas/thing/properties/default'}\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plain, text := fmt.Sprint(canonical(t, published(t))), fmt.Sprint(canonical(t, published(t, edits...)))
			if strings.Contains(text, "#/components") {
				t.Errorf("a reference is left: %s", text)
			}
			name, _, _ := strings.Cut(strings.TrimSpace(edits[1]), ":")
			if member := name + ":map["; strings.Count(text, member) <= strings.Count(plain, member) {
				t.Errorf("the member %s is gone: %s", name, text)
			}
		})
	}
}

func TestExpansionIsBounded(t *testing.T) {
	t.Parallel()
	refs := "        many: {anyOf: [" + strings.Repeat("{$ref: '#/components/schemas/big'}, ", 1000) + "]}\n"
	for name, tt := range map[string]struct{ schema, want string }{
		"long text repeated":     {"{description: " + strings.Repeat("x", 10_000) + "}", "bytes of text"},
		"large example repeated": {"{example: [" + strings.Repeat("1, ", 1000) + "]}", "values"},
		"long keys repeated":     {"{properties: {? " + strings.Repeat("k", 5000) + "\n      : {}}}", "bytes of text"},
		"number that is inexact": {"{maximum: 123456789012345678901234567890}", "too large to be exact"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := canonicalForm(published(t, thing, refs, "  schemas:\n", "  schemas:\n    big: "+tt.schema+"\n"), operations[0])
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %.300v, want one with %q", err, tt.want)
			}
		})
	}
}
