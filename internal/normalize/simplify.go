package normalize

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// annotations are keywords that assert nothing.
var annotations = []string{"description", "title", "example", "deprecated", "default"}

// applicable lists the assertions that concern values of one type only. Beside
// another type they have no effect.
var applicable = map[string]string{
	"minLength": "string", "maxLength": "string", "pattern": "string",
	"minItems": "array", "maxItems": "array", "uniqueItems": "array", "items": "array",
	"minProperties": "object", "maxProperties": "object", "properties": "object",
	"required": "object", "additionalProperties": "object",
	"multipleOf": "number", "minimum": "number", "maximum": "number",
	"exclusiveMinimum": "number", "exclusiveMaximum": "number",
}

// simplify removes from a merged schema, in place, what merging has left without effect:
// assertions about other types than the schema's own, and choices that the type has
// already decided. It sorts required. The schema accepts the same values as before.
func simplify(schema spec.Object) {
	if required, ok := schema["required"].([]any); ok {
		slices.SortFunc(required, func(a, b any) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		schema["required"] = slices.Compact(required)
	}
	for _, s := range spec.Subschemas(schema) {
		simplify(s.Value)
	}
	own, ok := schema["type"].(string)
	if !ok {
		return
	}
	kind := strings.Replace(own, "integer", "number", 1)
	for keyword, about := range applicable {
		if about != kind {
			delete(schema, keyword)
		}
	}
	for _, keyword := range choices {
		if decided(schema, keyword, own) {
			delete(schema, keyword)
		}
	}
}

// decided reports whether the schema's own type decides a choice. The type decides an
// anyOf if an arm asserts no more than the type does, and a oneOf if only such an arm
// allows the type. The type of a nullable schema decides no choice.
func decided(schema spec.Object, keyword, own string) bool {
	arms := objects(schema, keyword)
	if len(arms) < len(spec.List(schema, keyword)) || schema["nullable"] == true {
		return false
	}
	var open, plain int
	for _, arm := range arms {
		switch t, typed := arm["type"].(string); {
		case t == "integer" && own == "number": // allowed, and asserts more
		case typed && t != own && (t != "number" || own != "integer"):
			continue
		case !slices.ContainsFunc(spec.SortedKeys(arm), func(key string) bool { return asserts(key, arm[key]) }):
			plain++
		}
		open++
	}
	if keyword == "oneOf" {
		return open == 1 && plain == 1
	}
	return plain > 0
}

// asserts reports whether a keyword other than type asserts anything.
func asserts(keyword string, value any) bool {
	items, ok := value.(spec.Object)
	anyItems := keyword == "items" && ok && len(items) == 0
	return keyword != "type" && !anyItems && !slices.Contains(annotations, keyword)
}
