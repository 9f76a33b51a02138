package normalize

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

func TestUnusableDocumentsAreRefused(t *testing.T) {
	t.Parallel()
	security := "        - {api_email: [], api_key: []}\n"
	certificate := "- {in: path, name: identifier, required: true, schema: {type: string, maxLength: 32}}"
	tests := map[string]struct {
		edits []string
		want  string
	}{
		"no version":                 {[]string{"openapi: 3.0.3\n", ""}, `/openapi: want version 3.0 or 3.1, have "" in a document of ["components" "info"`},
		"OpenAPI 2":                  {[]string{"openapi: 3.0.3", "swagger: '2.0'"}, `want version 3.0 or 3.1, have ""`},
		"OpenAPI 4":                  {[]string{"openapi: 3.0.3", "openapi: 4.0.0"}, `have "4.0.0"`},
		"version as a number":        {[]string{"openapi: 3.0.3", "openapi: 3.0"}, "want version 3.0 or 3.1"},
		"operation missing":          {[]string{"/associations:", "/other:"}, "is not in the document"},
		"operation with other verb":  {[]string{"    get:\n", "    post:\n"}, "no GET"},
		"operation twice":            {[]string{"paths:\n", "paths:\n  /accounts/{a}/mtls_certificates/{b}/associations: {get: {}}\n"}, "occurs 2 times"},
		"path item and a reference":  {[]string{"    get:\n", "    $ref: '#/x'\n    get:\n"}, "a path item by reference"},
		"anonymous access":           {[]string{security, "        - {}\n"}, "anonymous access"},
		"anonymous beside a key":     {[]string{security, security + "        - {}\n"}, "security/1: the operation allows anonymous"},
		"empty security":             {[]string{"      security:\n" + security, "      security: []\n"}, "anonymous access"},
		"no security at all":         {[]string{"      security:\n" + security, ""}, "anonymous access"},
		"email without a key":        {[]string{"- {api_email: [], api_key: []}", "- {api_email: []}"}, "neither an API token nor email and key"},
		"other header for the key":   {[]string{"X-Auth-Key", "X-Other-Key"}, "neither an API token nor email and key"},
		"other header for the email": {[]string{"name: X-Auth-Email", "name: X-Auth-User"}, "neither an API token nor email and key"},
		"undefined scheme":           {[]string{"    api_key: {type", "    other: {type"}, `scheme "api_key" is not defined`},
		"two schemes, one header":    {[]string{"name: X-Auth-Email", "name: X-Auth-Key"}, "another scheme sends the same as"},
		"reference to nothing":       {[]string{"schemas/thing'", "schemas/nothing'"}, "points to nothing"},
		"reference to a file":        {[]string{"'#/components/schemas/thing'", "'other.yaml#/x'"}, "leaves the document"},
		"reference to a URL":         {[]string{"'#/components/schemas/thing'", "'http://127.0.0.1:1/x'"}, "leaves the document"},
		"reference to itself":        {[]string{"service: {type: string}", "service: {$ref: '#/components/schemas/thing'}"}, "refers to itself"},
		"invalid escape":             {[]string{"schemas/thing'", "schemas/%zz'"}, "is not valid"},
		"both spellings of a range":  {[]string{"        4XX:", "        4xx: {description: d}\n        4XX:"}, "in two spellings"},
		"control character":          {[]string{"description: good", `description: "\x07"`}, "/get/responses/200/description: a control character"},
		"control code in the title":  {[]string{"title: Things", `title: "\x07"`}, "/info/title: a control character"},
		"control code in a server":   {[]string{"url: https://api.cloudflare.com/v4", `url: "https://api.cloudflare.com/\x07"`}, "/servers/0/url: a control character"},
		"responses missing":          {[]string{"      responses:", "      x-responses:"}, "/responses: missing"},
		"path parameter undescribed": {[]string{"        " + certificate + "\n", ""}, `path parameter "identifier"`},
		"path parameter twice":       {[]string{certificate, certificate + "\n        " + certificate}, "exactly once"},
		"path parameter of no path":  {[]string{certificate, "- {in: path, name: other, required: true, schema: {type: string}}"}, `"other" does not belong`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := canonicalForm(published(t, tt.edits...), operations[0])
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want one with %q", err, tt.want)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
			if !strings.Contains(err.Error(), "/") {
				t.Errorf("no place in %q", err)
			}
		})
	}
}

func TestMissingOperationIsRecognisable(t *testing.T) {
	t.Parallel()
	for name, doc := range map[string]spec.Object{
		"no paths":    {"openapi": "3.0.3"},
		"empty paths": {"openapi": "3.0.3", "paths": spec.Object{}},
		"other paths": {"openapi": "3.0.3", "paths": spec.Object{"/x": spec.Object{}}},
	} {
		if _, err := canonicalForm(doc, operations[0]); !errors.Is(err, spec.ErrNotFound) {
			t.Errorf("%s: %v, want ErrNotFound", name, err)
		}
	}
}

// Ten references to a schema of ten references, and so on: a few lines would expand
// to ten billion values.
func TestReferencesThatMultiplyAreRefused(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for level := range 10 {
		fmt.Fprintf(&b, "    l%d: {type: object, properties: {", level)
		for i := range 10 {
			fmt.Fprintf(&b, "p%d: {$ref: '#/components/schemas/l%d'}, ", i, level+1)
		}
		b.WriteString("}}\n")
	}
	b.WriteString("    l10: {type: string}\n")
	_, err := canonicalForm(published(t, "  schemas:\n", "  schemas:\n"+b.String(), "schemas/thing'", "schemas/l0'"), operations[0])
	if err == nil || !strings.Contains(err.Error(), "expands to more than") {
		t.Fatalf("error %v, want a refusal of the expansion", err)
	}
}

func TestDeepNestingIsRefused(t *testing.T) {
	t.Parallel()
	doc := published(t)
	var deep any = spec.Object{"type": "string"}
	for range 10_000 {
		deep = spec.Object{"type": "array", "items": deep}
	}
	schemas := doc["components"].(spec.Object)["schemas"].(spec.Object)
	schemas["thing"] = deep
	_, err := canonicalForm(doc, operations[0])
	if err == nil || !strings.Contains(err.Error(), "nested deeper") {
		t.Fatalf("error %v, want a refusal of the nesting", err)
	}
	if len(err.Error()) > 400 {
		t.Errorf("the error has %d characters", len(err.Error()))
	}
}
