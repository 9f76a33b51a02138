package normalize

import (
	"slices"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// applicable lists the assertions that say something about values of one type
// only. Beside another type they are dead text, left over from merging.
var applicable = map[string]string{
	"minLength": "string", "maxLength": "string", "pattern": "string",
	"minItems": "array", "maxItems": "array", "uniqueItems": "array", "items": "array",
	"minProperties": "object", "maxProperties": "object", "properties": "object",
	"required": "object", "additionalProperties": "object",
	"multipleOf": "number", "minimum": "number", "maximum": "number",
	"exclusiveMinimum": "number", "exclusiveMaximum": "number",
}

// Simplify removes from a merged schema what merging has left without effect, in
// place: assertions about other types than the schema's own, choices that the
// type has already made, and the order of required. The schema accepts the same
// values as before.
func Simplify(schema spec.Object) {
	_ = spec.Visit(schema, spec.Fields, "", func(o spec.Object, place spec.Place, _ string) error {
		if place == spec.Fields {
			simplifySchema(o)
		}
		return nil
	})
}

func simplifySchema(schema spec.Object) {
	if required, ok := schema["required"].([]any); ok {
		slices.SortFunc(required, func(a, b any) int {
			x, _ := a.(string)
			y, _ := b.(string)
			return slices.Compare([]byte(x), []byte(y))
		})
		schema["required"] = slices.Compact(required)
	}
	own, ok := schema["type"].(string)
	if !ok {
		return
	}
	kind := own
	if kind == "integer" {
		kind = "number"
	}
	for keyword, about := range applicable {
		if about != kind {
			delete(schema, keyword)
		}
	}
	for _, keyword := range []string{"anyOf", "oneOf"} {
		if decided(schema, keyword, own) {
			delete(schema, keyword)
		}
	}
}

// decided reports whether the schema's own type makes the choice: among the
// arms that this type does not rule out, one asserts nothing more (anyOf), or
// the only one asserts nothing more (oneOf). A nullable schema is left alone.
func decided(schema spec.Object, keyword, own string) bool {
	arms, ok := schema[keyword].([]any)
	if !ok || schema["nullable"] == true {
		return false
	}
	var open, plain int
	for _, arm := range arms {
		object, ok := arm.(spec.Object)
		if !ok {
			return false
		}
		switch t, typed := object["type"].(string); {
		case typed && t != own && (t != "number" || own != "integer"):
			continue
		case assertsNothingBut(object):
			plain++
		}
		open++
	}
	if keyword == "oneOf" {
		return open == 1 && plain == 1
	}
	return plain > 0
}

// assertsNothingBut reports whether a schema asserts at most its type.
func assertsNothingBut(schema spec.Object) bool {
	for key, value := range schema {
		switch key {
		case "type", "description", "title", "example":
		case "items":
			if items, ok := value.(spec.Object); !ok || len(items) > 0 {
				return false
			}
		default:
			return false
		}
	}
	return true
}
