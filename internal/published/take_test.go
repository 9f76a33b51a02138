package published

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/internal/normalize"
	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// operations is the list of operations that these tests take from their documents.
var operations = spec.Operations{{
	Name: "listUses", Method: "GET", Path: "/accounts/{account_id}/mtls_certificates/{mtls_certificate_id}/associations",
	Document: "uses.json", Noun: "Use", Permission: "Uses Read",
}}

// usable takes a document, and returns an error if it cannot be the source of the
// contract.
func usable(name string, source []byte, ops spec.Operations) error {
	taken, err := Take(name, source, ops)
	if err != nil {
		return err
	}
	for _, op := range ops {
		if text, ok := taken.Texts[op.Name]; ok {
			canonical, err := normalize.Canonical(map[string]spec.Object{op.Name: text.Document}, spec.Operations{op})
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if _, err := normalize.Load(canonical); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return nil
}

// uses returns the text of the operation listUses.
func (i *Import) uses() Text { return i.Texts[operations[0].Name] }

// whole returns a document with a second operation, which is not in the list. edits are
// pairs of an old and a new text.
func whole(t testing.TB, edits ...string) []byte {
	t.Helper()
	text := `openapi: 3.0.3
info: {title: Things, version: "2", license: {name: BSD-3-Clause}}
servers: [{url: https://api.cloudflare.com/client/v4}]
tags: [{name: Certificates, description: about}, {name: Zones}]
x-generator: something
paths:
  /zones: {get: {responses: {200: {description: zones, content: {application/json: {schema: {$ref: '#/components/schemas/zone'}}}}}}}
  /accounts/{acct}/mtls_certificates/{cert}/associations:
    get:
      tags: [Certificates]
      parameters:
        - {in: path, name: acct, required: true, schema: {$ref: '#/components/schemas/id'}}
        - {$ref: '#/components/parameters/cert'}
      responses:
        200: {description: good, content: {application/json: {schema: {$ref: '#/components/schemas/the list'}}}}
      security: [{key: []}]
components:
  parameters:
    cert: {in: path, name: cert, required: true, schema: {$ref: '#/components/schemas/id'}}
    other: {in: query, name: o, schema: {type: string}}
  schemas:
    id: {type: string}
    zone: {type: object}
    the list: {type: array, items: {$ref: '#/components/schemas/parts/properties/thing'}}
    parts: {properties: {thing: {type: object, properties: {use: {$ref: '#/components/schemas/use'}}}}}
    use: {type: string, x-order: 5, example: {$ref: '#/components/schemas/zone'}}
  securitySchemes:
    key: {type: http, scheme: bearer}
    other: {type: http, scheme: basic}
`
	for i := 0; i < len(edits); i += 2 {
		if !strings.Contains(text, edits[i]) {
			t.Fatalf("%q is not in the document", edits[i])
		}
		text = strings.Replace(text, edits[i], edits[i+1], 1)
	}
	return []byte(text)
}

func packed(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestOnlyTheOperationAndWhatItUsesIsTaken(t *testing.T) {
	t.Parallel()
	taken, err := Take("whole.yaml", whole(t), operations)
	if err != nil {
		t.Fatal(err)
	}
	want, err := spec.Decode("want", []byte(`openapi: 3.0.3
info: {title: Things, version: "2", license: {name: BSD-3-Clause}}
servers: [{url: https://api.cloudflare.com/client/v4}]
paths:
  /accounts/{acct}/mtls_certificates/{cert}/associations:
    get:
      tags: [Certificates]
      parameters:
        - {in: path, name: acct, required: true, schema: {$ref: '#/components/schemas/id'}}
        - {$ref: '#/components/parameters/cert'}
      responses:
        200: {description: good, content: {application/json: {schema: {$ref: '#/components/schemas/the list'}}}}
      security: [{key: []}]
components:
  parameters:
    cert: {in: path, name: cert, required: true, schema: {$ref: '#/components/schemas/id'}}
  schemas:
    id: {type: string}
    the list: {type: array, items: {$ref: '#/components/schemas/parts/properties/thing'}}
    parts: {properties: {thing: {type: object, properties: {use: {$ref: '#/components/schemas/use'}}}}}
    use: {type: string, x-order: 5, example: {$ref: '#/components/schemas/zone'}}
  securitySchemes:
    key: {type: http, scheme: bearer}
`))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, taken.uses().Document); diff != "" {
		t.Errorf("(-want +taken)\n%s", diff)
	}
	if taken.License != "BSD-3-Clause" || taken.Title != "Things" || taken.Version != "2" {
		t.Errorf("licence %q, title %q, version %q", taken.License, taken.Title, taken.Version)
	}
}

// Taking a stored document gives the same bytes.
func TestTakeIsIdempotent(t *testing.T) {
	t.Parallel()
	first, err := Take("whole.yaml", whole(t), operations)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Take("stored.json", first.uses().Encoded, operations)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(first.uses().Encoded), string(again.uses().Encoded)); diff != "" {
		t.Errorf("(-first +again)\n%s", diff)
	}
}

func TestEveryEncodingGivesTheSameDocument(t *testing.T) {
	t.Parallel()
	plain := whole(t)
	want, err := Take("plain", plain, operations)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := spec.Decode("plain", plain)
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := spec.Encode(doc)
	if err != nil {
		t.Fatal(err)
	}
	const security, twice = "security: [{key: []}]", "security: [{key: []}]\n      x-cf-same: [{key: []}]"
	withoutAlias, err := Take("plain", whole(t, security, twice), operations)
	if err != nil {
		t.Fatal(err)
	}
	for name, source := range map[string][]byte{
		"JSON":              asJSON,
		"gzip":              packed(t, plain),
		"JSON in gzip":      packed(t, asJSON),
		"byte order mark":   append([]byte("\xef\xbb\xbf"), plain...),
		"carriage returns":  bytes.ReplaceAll(plain, []byte("\n"), []byte("\r\n")),
		"document markers":  append([]byte("---\n"), plain...),
		"aliases in YAML":   whole(t, security, "security: &s [{key: []}]\n      x-cf-same: *s"),
		"other path's type": whole(t, "zone: {type: object}", "zone: {type: string}"),
	} {
		taken, err := Take(name, source, operations)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := want
		if name == "aliases in YAML" {
			want = withoutAlias
		}
		if !bytes.Equal(want.uses().Encoded, taken.uses().Encoded) {
			t.Errorf("%s:\n%s", name, cmp.Diff(string(want.uses().Encoded), string(taken.uses().Encoded)))
		}
		if taken.SourceSHA256 == want.SourceSHA256 {
			t.Errorf("%s: the checksum equals that of the plain document", name)
		}
	}
}

func TestReferencesToPlacesThatAreNotTakenAreReplaced(t *testing.T) {
	t.Parallel()
	const notTaken = "#/paths/~1zones/get/responses/200/content/application~1json/schema"
	taken, err := Take("whole.yaml", whole(t, "'#/components/schemas/the list'", "'"+notTaken+"'"), operations)
	if err != nil {
		t.Fatal(err)
	}
	text := string(taken.uses().Encoded)
	if strings.Contains(text, "zones") || !strings.Contains(text, "#/components/schemas/zone") {
		t.Errorf("want the reference to schemas/zone:\n%s", text)
	}
}

func TestTheLicenceIsNamedAsInTheSource(t *testing.T) {
	t.Parallel()
	for info, want := range map[string]string{"license: {name: Something else}": "Something else", "x-license: none": ""} {
		taken, err := Take("whole.yaml", whole(t, "license: {name: BSD-3-Clause}", info), operations)
		if err != nil {
			t.Errorf("%s: %v", info, err)
		} else if taken.License != want {
			t.Errorf("%s: %q, want %q", info, taken.License, want)
		}
	}
}
