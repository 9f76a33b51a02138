package normalize

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// member replaces the schema of a member of the published document.
func member(schema string) []string { return []string{thing, "        service: " + schema + "\n"} }

const (
	lastParameter = "        - {in: path, name: account_identifier, required: true, schema: {type: string, maxLength: 31}}\n"
	kind          = "{in: query, name: kind, schema: {type: array, items: {type: string}}"
)

// parameter adds a parameter to the published document.
func parameter(text string) []string {
	return []string{lastParameter, lastParameter + "        - " + text + "\n"}
}

// The test also covers three other rewrites: a choice of one schema becomes allOf, the
// media type of JSON gets one spelling, and extensions beside the statuses are removed.
func TestKeywordsWithTheirDefaultAreRemoved(t *testing.T) {
	t.Parallel()
	const path = "in: path, name: identifier, required: true,"
	tests := map[string]struct{ plain, written []string }{
		"flags of a schema":    {member("{type: string}"), member("{type: string, nullable: false, readOnly: false, writeOnly: false, deprecated: false, minLength: 0}")},
		"bounds of a list":     {member("{type: array, items: {}}"), member("{type: array, items: {}, uniqueItems: false, minItems: 0}")},
		"bounds of an object":  {member("{type: object}"), member("{type: object, minProperties: 0}")},
		"additional members":   {member("{type: object}"), member("{type: object, additionalProperties: true, properties: {}}")},
		"empty values":         {member("{type: object}"), member("{type: object, additionalProperties: {}, required: []}")},
		"flags of bounds":      {member("{type: number, minimum: 1, maximum: 2}"), member("{type: number, minimum: 1, exclusiveMinimum: false, maximum: 2, exclusiveMaximum: false}")},
		"within a choice":      {member("{anyOf: [{items: {type: string}}, {}]}"), member("{anyOf: [{items: {type: string, nullable: false}}, {deprecated: false}]}")},
		"operation":            {nil, []string{"      operationId: list\n", "      operationId: list\n      deprecated: false\n"}},
		"query parameter":      {parameter(kind + "}"), parameter(kind + ", required: false, deprecated: false, allowEmptyValue: false, allowReserved: false, style: form, explode: true}")},
		"header":               {parameter("{in: header, name: X-A, schema: {type: string}}"), parameter("{in: header, name: X-A, required: false, style: simple, explode: false, schema: {type: string}}")},
		"cookie":               {parameter("{in: cookie, name: a, schema: {type: string}}"), parameter("{in: cookie, name: a, style: form, explode: true, schema: {type: string}}")},
		"path parameter":       {nil, []string{path, path + " style: simple, explode: false,"}},
		"explode beside style": {parameter(kind + ", explode: false}"), parameter(kind + ", style: form, explode: false}")},
		"request body": {
			[]string{"      responses:\n", "      requestBody: {content: {text/plain: {}}}\n      responses:\n"},
			[]string{"      responses:\n", "      requestBody: {required: false, content: {text/plain: {}}}\n      responses:\n"}},
		"anyOf of one":             {member("{allOf: [{type: string}]}"), member("{anyOf: [{type: string}]}")},
		"oneOf of one":             {member("{allOf: [{type: string}]}"), member("{oneOf: [{type: string}]}")},
		"oneOf, anyOf and allOf":   {member("{allOf: [{type: string}, {maxLength: 3}, {minLength: 1}]}"), member("{allOf: [{type: string}], oneOf: [{minLength: 1}], anyOf: [{maxLength: 3}]}")},
		"choice of one in another": {member("{allOf: [{allOf: [{type: string}]}]}"), member("{oneOf: [{anyOf: [{type: string, nullable: false}]}]}")},
		"charset of JSON":          {nil, []string{"            application/json:", "            application/json; charset=utf-8:"}},
		"capitals of JSON":         {nil, []string{"            application/json:", "            Application/JSON:"}},
		"extension of statuses":    {nil, []string{"        4XX:", "        x-note: {a: b}\n        4XX:"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(canonical(t, published(t, tt.plain...)), canonical(t, published(t, tt.written...))); diff != "" {
				t.Errorf("(-absent +written)\n%s", diff)
			}
		})
	}
}

// None of these is a default, a choice of one schema, or another spelling of the media
// type of JSON. Some are the default of another keyword, and some are names or data.
func TestKeywordsWithMeaningAreKept(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ a, b []string }{
		"nullable":                 {member("{type: string}"), member("{type: string, nullable: true}")},
		"deprecated":               {member("{type: string}"), member("{type: string, deprecated: true}")},
		"length":                   {member("{type: string}"), member("{type: string, minLength: 1}")},
		"minimum of zero":          {member("{type: number}"), member("{type: number, minimum: 0}")},
		"largest length of zero":   {member("{type: string}"), member("{type: string, maxLength: 0}")},
		"closed object":            {member("{type: object}"), member("{type: object, additionalProperties: false}")},
		"explode of a query":       {parameter(kind + "}"), parameter(kind + ", explode: false}")},
		"explode of another style": {parameter(kind + ", style: pipeDelimited}"), parameter(kind + ", style: pipeDelimited, explode: true}")},
		"style of a query":         {parameter(kind + "}"), parameter(kind + ", style: spaceDelimited}")},
		"style of a path":          {nil, []string{"in: path, name: identifier,", "in: path, name: identifier, style: label,"}},
		"explode of a path":        {nil, []string{"in: path, name: identifier,", "in: path, name: identifier, explode: true,"}},
		"members named like keywords": {
			member("{type: object, properties: {nullable: {type: string}}}"),
			member("{type: object, properties: {nullable: {type: string}, required: {type: boolean}, style: {type: string}}}")},
		"example":            {member("{type: object, example: {}}"), member("{type: object, example: {required: false, minLength: 0, oneOf: [1]}}")},
		"default":            {member("{type: object, default: {}}"), member("{type: object, default: {nullable: false}}")},
		"a choice of two":    {member("{allOf: [{type: string}]}"), member("{anyOf: [{type: string}, {type: string}]}")},
		"permissions":        {nil, []string{"      operationId: list\n", "      operationId: list\n      x-api-token-group: [Things Read]\n"}},
		"plans":              {nil, []string{"      operationId: list\n", "      operationId: list\n      x-cfPlanAvailability: {free: true}\n"}},
		"another media type": {nil, []string{"            application/json:", "            application/problem+json:"}},
		"parameters of another media type": {
			[]string{"            application/json:", "            text/csv:"},
			[]string{"            application/json:", "            text/csv; header=present:"}},
		"response header called like an extension": {nil, []string{"          description: bad\n", "          description: bad\n          headers: {x-limit: {schema: {type: string}}}\n"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if cmp.Equal(canonical(t, published(t, tt.a...)), canonical(t, published(t, tt.b...))) {
				t.Error("the canonical form hides the difference")
			}
		})
	}
}

// publishedResponses is the place of the responses in the published document.
const publishedResponses = "/paths/~1accounts~1{account_identifier}~1mtls_certificates~1{identifier}~1associations/get/responses"

func TestStatusesThatDoNotExistAreRefused(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"600", "099", "20", "2000", "4X", "4XXX", "XXX", "40X", "6XX", "2*", "ok", "Default", "a/b"} {
		_, err := canonicalForm(published(t, "        4XX:", "        '"+key+"':"), operations[0])
		if want := "plain.json: " + publishedResponses + "/" + spec.Escape(key) + ": not a status"; err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	for _, key := range []string{"400", "default", "4XX", "4xX", "599", "100"} {
		doc := canonical(t, published(t, "        4XX:", "        '"+key+"':"))
		for l := range spec.All(doc) {
			if _, ok := spec.Child(l.Operation, "responses")[strings.ReplaceAll(key, "x", "X")]; !ok {
				t.Errorf("no %s in %v", key, spec.SortedKeys(spec.Child(l.Operation, "responses")))
			}
		}
	}
}

func TestTwoSpellingsOfAMediaTypeAreRefused(t *testing.T) {
	t.Parallel()
	_, err := canonicalForm(published(t, "            application/json:\n              schema: {", "            application/json: {}\n            application/json; charset=utf-8:\n              schema: {"), operations[0])
	if want := "plain.json: " + publishedResponses + "/200/content: application/json occurs in two spellings"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}
