package normalize

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// schema returns the response schema of the only operation of a document, as
// kin-openapi reads it.
func schema(t *testing.T, doc spec.Object, status string) *openapi3.Schema {
	t.Helper()
	spec, err := Load(doc)
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range spec.Paths.Map() {
		if item.Get != nil {
			return item.Get.Responses.Value(status).Value.Content.Get("application/json").Schema.Value
		}
	}
	t.Fatal("no GET")
	return nil
}

// The canonical form must accept exactly the bodies that the published form accepts,
// checked by an independent library.
func TestCanonicalFormAcceptsTheSameBodies(t *testing.T) {
	t.Parallel()
	object := func(pairs ...any) any {
		out := spec.Object{}
		for i := 0; i < len(pairs); i += 2 {
			out[pairs[i].(string)] = pairs[i+1]
		}
		return out
	}
	bodies := []any{
		nil, true, 1.0, "text", []any{}, object(),
		object("success", true), object("success", false), object("success", "true"),
		object("success", true, "result", []any{}),
		object("success", false, "result", []any{}),
		object("success", true, "result", nil),
		object("success", true, "result", object()),
		object("success", true, "result", []any{object("service", "gateway")}),
		object("success", true, "result", []any{object("service", 1.0)}),
		object("success", true, "result", []any{object("default", "x", "other", 2.0)}),
		object("success", true, "result", []any{object("default", 3.0)}),
		object("success", true, "result", []any{"gateway"}),
	}
	doc := published(t)
	canonicalDoc := canonical(t, doc)
	for _, status := range []string{"200", "4XX"} {
		was, is := schema(t, doc, status), schema(t, canonicalDoc, status)
		accepted := 0
		for _, body := range bodies {
			before, after := was.VisitJSON(body), is.VisitJSON(body)
			if (before == nil) != (after == nil) {
				t.Errorf("%s %v: published says %v, canonical %v", status, body, before, after)
			}
			if before == nil {
				accepted++
			}
		}
		if accepted == 0 || accepted == len(bodies) {
			t.Errorf("%s: %d of %d bodies accepted: the comparison shows nothing", status, accepted, len(bodies))
		}
	}
}

// Names of path parameters and schemes are never sent, so only the sent parts must
// survive their renaming: the path's shape and the headers.
func TestCanonicalFormAsksForTheSameRequest(t *testing.T) {
	t.Parallel()
	headers := func(doc spec.Object) map[string]bool {
		spec, err := Load(doc)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]bool{}
		for _, item := range spec.Paths.Map() {
			for _, requirement := range *item.Get.Security {
				for name := range requirement {
					out[spec.Components.SecuritySchemes[name].Value.Name] = true
				}
			}
		}
		return out
	}
	renamed := published(t, "api_email", "x_mail", "api_key", "x_key")
	if diff := cmp.Diff(headers(renamed), headers(canonical(t, renamed))); diff != "" {
		t.Errorf("headers (-published +canonical)\n%s", diff)
	}
	if len(headers(renamed)) != 2 {
		t.Errorf("headers %v: the comparison shows nothing", headers(renamed))
	}
	for l := range spec.All(canonical(t, renamed)) {
		if _, err := operations[0].Find(renamed); err != nil || l.Path != operations[0].Path {
			t.Errorf("the canonical path is %s, published as another shape: %v", l.Path, err)
		}
	}
}

// Each rewrite of a schema, checked by kin-openapi.
func TestEachRewriteOfASchemaAcceptsTheSame(t *testing.T) {
	t.Parallel()
	for name, written := range map[string]string{
		"flags by default":       "{type: string, nullable: false, readOnly: false, writeOnly: false, deprecated: false, minLength: 0}",
		"bounds of a list":       "{type: array, items: {}, uniqueItems: false, minItems: 0}",
		"bounds of an object":    "{type: object, minProperties: 0}",
		"members of an object":   "{type: object, additionalProperties: {}, properties: {}}",
		"flags of bounds":        "{type: number, minimum: 1, exclusiveMinimum: false, maximum: 100, exclusiveMaximum: false}",
		"anyOf of one":           "{anyOf: [{type: string, maxLength: 3}]}",
		"oneOf of one":           "{oneOf: [{type: number, minimum: 1}]}",
		"oneOf beside a type":    "{type: array, items: {}, oneOf: [{type: array, items: {type: string}}]}",
		"oneOf, anyOf and allOf": "{allOf: [{type: string}], oneOf: [{type: string, minLength: 1}], anyOf: [{type: string, maxLength: 3}]}",
		"anyOf within a oneOf":   "{oneOf: [{anyOf: [{type: object, properties: {a: {type: number}}}]}]}",
		"anyOf of a not":         "{anyOf: [{not: {type: string}}]}",
		"extensions":             "{type: string, x-go-type: int, maxLength: 3}",
		"reference":              "{$ref: '#/components/schemas/thing/properties/default'}",
		"reference and more":     "{$ref: '#/components/schemas/thing/properties/default', maxLength: 0}",
		"deep below properties":  "{type: object, properties: {a: {oneOf: [{type: number, exclusiveMinimum: false, minimum: 1}]}}}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc := published(t, thing, "        service: "+written+"\n")
			rewritten := canonical(t, doc)
			service := func(doc spec.Object) *openapi3.Schema {
				result := func(s *openapi3.Schema) *openapi3.Schema {
					for _, part := range s.AllOf {
						if r := part.Value.Properties["result"]; r != nil {
							return r.Value.Items.Value.Properties["service"].Value
						}
					}
					t.Fatal("no result")
					return nil
				}
				return result(schema(t, doc, "200"))
			}
			was, is := service(doc), service(rewritten)
			accepted := 0
			for _, value := range values {
				before, after := was.VisitJSON(value), is.VisitJSON(value)
				if (before == nil) != (after == nil) {
					t.Errorf("%v: published says %v, canonical %v", value, before, after)
				}
				if before == nil {
					accepted++
				}
			}
			if accepted == 0 || accepted == len(values) {
				t.Errorf("%d of %d values accepted: the comparison shows nothing", accepted, len(values))
			}
		})
	}
}

// Each rewrite of a parameter or body, checked by a library that reads requests.
func TestEachRewriteOfARequestReadsTheSame(t *testing.T) {
	t.Parallel()
	// Styles split a value at different characters, and items of one letter show where.
	const letters = "{in: query, name: kind, schema: {type: array, items: {type: string, maxLength: 1}}"
	queries := []string{"", "kind=a", "kind=a&kind=b", "kind=a,b", "kind=a%7Cb", "kind=", "kind=%5B%5D"}
	for name, edits := range map[string][]string{
		"style and explode":  parameter(letters + ", style: form, explode: true}"),
		"flags":              parameter(letters + ", required: false, deprecated: false, allowEmptyValue: false, allowReserved: false}"),
		"another explode":    parameter(letters + ", style: form, explode: false}"),
		"another style":      parameter(letters + ", style: pipeDelimited, explode: false}"),
		"path style":         {"in: path, name: identifier, required: true,", "in: path, name: identifier, required: true, style: simple, explode: false,"},
		"body":               {"      responses:\n", "      requestBody: {required: false, content: {application/json: {schema: {type: object}}}}\n      responses:\n"},
		"media type of body": {"      responses:\n", "      requestBody: {content: {application/json; charset=utf-8: {schema: {type: object}}}}\n      responses:\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc := published(t, edits...)
			results := func(doc spec.Object) []string {
				loaded, err := Load(doc)
				if err != nil {
					t.Fatal(err)
				}
				var out []string
				for path, item := range loaded.Paths.Map() {
					for _, query := range queries {
						for _, body := range []string{"", "{}", "[]"} {
							req := httptest.NewRequest(http.MethodGet, "https://api.cloudflare.com/v4/x?"+query, strings.NewReader(body))
							if body != "" {
								req.Header.Set("Content-Type", "application/json; charset=utf-8")
							}
							ids := map[string]string{}
							for _, p := range item.Get.Parameters {
								if p.Value.In == "path" {
									ids[p.Value.Name] = "i,d"
								}
							}
							err := openapi3filter.ValidateRequest(t.Context(), &openapi3filter.RequestValidationInput{
								Request: req, PathParams: ids,
								Route:   &routers.Route{Spec: loaded, Path: path, PathItem: item, Method: http.MethodGet, Operation: item.Get},
								Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
							})
							out = append(out, fmt.Sprintf("%q %q: %t", query, body, err == nil))
						}
					}
				}
				return out
			}
			was, is := results(doc), results(canonical(t, doc))
			if diff := cmp.Diff(was, is); diff != "" {
				t.Errorf("(-published +canonical)\n%s", diff)
			}
			if len(was) != len(queries)*3 || !strings.Contains(fmt.Sprint(was), "true") {
				t.Errorf("%v: the comparison shows nothing", was)
			}
		})
	}
}
