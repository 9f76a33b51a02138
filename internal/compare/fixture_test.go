package compare

import (
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/certuse/cloudflare-mtls/internal/normalize"
	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// fixture is a document with one operation that has each kind of part.
const fixture = `{
  "openapi": "3.0.3",
  "info": {"title": "Things", "version": "1.0.0", "license": {"name": "MIT"}},
  "servers": [{"url": "https://api.cloudflare.com/v4"}],
  "components": {"securitySchemes": {
    "token": {"type": "http", "scheme": "bearer"},
    "email": {"type": "apiKey", "in": "header", "name": "X-Auth-Email"},
    "key": {"type": "apiKey", "in": "header", "name": "X-Auth-Key"}
  }},
  "paths": {"/accounts/{account_id}/things": {"post": {
    "operationId": "createThing",
    "summary": "Creates a thing.",
    "tags": ["Things"],
    "x-accepted-permissions": ["Things Read", "Things Write"],
    "x-cfPlanAvailability": {"free": true, "enterprise": true},
    "security": [{"token": []}, {"email": [], "key": []}],
    "parameters": [
      {"name": "account_id", "in": "path", "required": true, "schema": {"type": "string", "maxLength": 32}},
      {"name": "page", "in": "query", "schema": {"type": "integer", "minimum": 1}},
      {"name": "kind", "in": "query", "schema": {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}}}
    ],
    "requestBody": {"required": true, "content": {"application/json": {"schema": {
      "type": "object",
      "required": ["name"],
      "properties": {"name": {"type": "string"}, "size": {"type": "number", "minimum": 1, "default": 1}, "labels": {"type": "array", "items": {"type": "string"}}}
    }}}},
    "responses": {
      "200": {"description": "Done.", "headers": {"Ratelimit": {"schema": {"type": "string"}}}, "content": {"application/json": {"schema": {
        "type": "object",
        "required": ["success"],
        "properties": {
          "success": {"type": "boolean", "enum": [true]},
          "result": {"type": "array", "example": [{"id": "a"}, {"id": "aa"}], "items": {"type": "object", "required": ["id"], "properties": {
            "id": {"type": "string", "maxLength": 36, "description": "Identifier.", "example": "a"},
            "count": {"type": "integer", "minimum": 0, "maximum": 9},
            "state": {"type": "string", "enum": ["on", "off"]},
            "note": {"type": "string", "nullable": true},
            "choice": {"oneOf": [{"type": "string", "maxLength": 5}, {"type": "boolean"}]},
            "extra": {"type": "object", "additionalProperties": {"type": "string"}}
          }}}
        }
      }}}},
      "4XX": {"description": "Failed.", "content": {"application/json": {"schema": {
        "type": "object", "properties": {"errors": {"type": "array", "items": {"type": "object"}}}
      }}}}
    }
  }}}
}`

// shorthands are prefixes of pointers into the fixture.
var shorthands = map[string]string{
	"op":     "/paths/~1accounts~1{account_id}~1things/post",
	"query":  "op/parameters/1",
	"ok":     "op/responses/200",
	"body":   "op/requestBody/content/application~1json/schema",
	"answer": "ok/content/application~1json/schema",
	"row":    "answer/properties/result/items",
	"id":     "row/properties/id",
	"scheme": "/components/securitySchemes",
}

func expand(pointer string) string {
	for !strings.HasPrefix(pointer, "/") {
		head, rest, _ := strings.Cut(pointer, "/")
		full, ok := shorthands[head]
		if !ok {
			panic("no shorthand " + head)
		}
		if pointer = full; rest != "" {
			pointer += "/" + rest
		}
	}
	return pointer
}

func decode(t testing.TB, text string) spec.Object {
	t.Helper()
	doc, err := spec.Decode("fixture", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// edited returns the edited fixture. edits are pairs of a pointer and the JSON value to
// set there; an empty text removes what is there.
func edited(t testing.TB, edits ...string) spec.Object {
	t.Helper()
	doc := decode(t, fixture)
	for i := 0; i < len(edits); i += 2 {
		var value any = removal{}
		if edits[i+1] != "" {
			value = nil
			if err := json.Unmarshal([]byte(edits[i+1]), &value); err != nil {
				t.Fatalf("%s: %v", edits[i+1], err)
			}
		}
		set(t, doc, expand(edits[i]), value)
	}
	return doc
}

// removal makes set remove the place instead of setting a value.
type removal struct{}

func set(t testing.TB, doc any, pointer string, value any) {
	t.Helper()
	tokens := strings.Split(pointer[1:], "/")
	for i, token := range tokens {
		key := strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
		last := i == len(tokens)-1
		switch holder := doc.(type) {
		case spec.Object:
			switch {
			case last && value == any(removal{}):
				if _, ok := holder[key]; !ok {
					t.Fatalf("%s: nothing to remove", pointer)
				}
				delete(holder, key)
			case last:
				holder[key] = value
			default:
				doc = holder[key]
			}
		case []any:
			index, err := strconv.Atoi(key)
			if err != nil || last && value == any(removal{}) {
				t.Fatalf("%s: cannot set", pointer)
			}
			if last {
				holder[index] = value
			}
			doc = holder[index]
		default:
			t.Fatalf("%s: nothing at %s", pointer, token)
		}
	}
}

// sides returns a revision in the two compared forms.
func sides(merged, contract spec.Object) normalize.Result {
	return normalize.Result{Merged: merged, Unnamed: contract}
}

// classOf compares two documents, each used as text and as contract.
func classOf(t testing.TB, before, after spec.Object) (Class, Report) {
	t.Helper()
	r, err := Compare(sides(before, before), sides(after, after))
	if err != nil {
		t.Fatal(err)
	}
	return r.Class, r
}
