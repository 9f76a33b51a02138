package normalize

import (
	"fmt"
	"slices"
	"strings"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// Version is the OpenAPI version of canonical documents. The patch versions of
// 3.0 differ in their prose only.
const Version = "3.0.3"

// dialect31 is the schema dialect that OpenAPI 3.1 documents have by default.
const dialect31 = "https://spec.openapis.org/oas/3.1/dialect/base"

// CheckVersion refuses what is not OpenAPI 3.0 or 3.1.
func CheckVersion(doc spec.Object) error {
	version, ok := doc["openapi"].(string)
	switch {
	case !ok && doc["swagger"] != nil:
		return fmt.Errorf("/swagger: OpenAPI 2 (%v) is not supported, only 3.0 and 3.1", doc["swagger"])
	case !ok:
		return fmt.Errorf("/openapi: not an OpenAPI document (no version; keys found: %.100q)",
			spec.SortedKeys(doc)[:min(len(doc), 5)])
	case !strings.HasPrefix(version, "3.0.") && !strings.HasPrefix(version, "3.1."):
		return fmt.Errorf("/openapi: version %.100q is not supported, only 3.0 and 3.1", version)
	}
	if dialect, ok := doc["jsonSchemaDialect"]; ok && dialect != dialect31 {
		return fmt.Errorf("/jsonSchemaDialect: %.100q is not supported", dialect)
	}
	return nil
}

func is31(doc spec.Object) bool { return strings.HasPrefix(spec.Text(doc, "openapi"), "3.1.") }

// canonicalInfo returns a copy of the document's info without what only
// OpenAPI 3.1 knows, wherever it stands: it says nothing about the operation.
func canonicalInfo(doc spec.Object) any {
	info := spec.Clone(doc["info"])
	delete(spec.Child(info), "summary")
	delete(spec.Child(info, "license"), "identifier")
	return info
}

// downgrade rewrites the schemas of a 3.1 operation as 3.0 has them, in place.
func downgrade(l spec.Located) error {
	for _, place := range l.Schemas() {
		schema, err := schema30(place.Holder["schema"], place.Pointer+"/schema")
		if err != nil {
			return err
		}
		place.Holder["schema"] = schema
	}
	return nil
}

// annotations31 are keywords of 3.1 that assert nothing and have no place in
// 3.0. Definitions assert nothing where they stand, and no reference to them is
// left.
var annotations31 = []string{"$schema", "$comment", "$defs", "contentMediaType", "contentEncoding", "contentSchema"}

// keywords30 are the keywords that 3.0 has with the same meaning, or that
// rewriteKeywords rewrites. Any other keyword of a 3.1 schema is refused by name.
var keywords30 = strings.Fields(`title description example examples externalDocs xml deprecated readOnly writeOnly default
	type format enum const multipleOf maximum minimum exclusiveMaximum exclusiveMinimum maxLength minLength pattern
	maxItems minItems uniqueItems items maxProperties minProperties required properties additionalProperties
	allOf oneOf anyOf not`)

// schema30 returns a schema of 3.0 that accepts what a schema of 3.1 accepts,
// or says which keyword has no counterpart.
func schema30(v any, at string) (any, error) {
	s, ok := v.(spec.Object)
	switch {
	case v == true:
		return spec.Object{}, nil
	case v == false:
		return spec.Object{"not": spec.Object{}}, nil
	case !ok:
		return nil, fmt.Errorf("%s: a schema is an object or a boolean", spec.Abbreviate(at))
	}
	if err := rewriteKeywords(s, at); err != nil {
		return nil, err
	}
	for _, below := range spec.Subschemas(s) {
		if _, isBool := below.Value.(bool); isBool && below.Keyword == "additionalProperties" {
			continue // as in 3.0
		}
		schema, err := schema30(below.Value, at+below.Pointer())
		if err != nil {
			return nil, err
		}
		below.Set(schema)
	}
	if err := rewriteNull(s, at); err != nil {
		return nil, err
	}
	foldNull(s)
	return s, nil
}

func rewriteKeywords(s spec.Object, at string) error {
	for _, key := range annotations31 {
		delete(s, key)
	}
	for _, key := range spec.SortedKeys(s) {
		if !slices.Contains(keywords30, key) && !strings.HasPrefix(key, "x-") {
			return fmt.Errorf("%s/%s: OpenAPI 3.0 has no counterpart for this keyword of 3.1", spec.Abbreviate(at), spec.Escape(key))
		}
	}
	if value, ok := s["const"]; ok {
		if _, both := s["enum"]; both {
			return fmt.Errorf("%s/const: beside enum", spec.Abbreviate(at))
		}
		s["enum"] = []any{value}
		delete(s, "const")
	}
	if examples := spec.List(s, "examples"); len(examples) > 0 {
		if _, both := s["example"]; !both {
			s["example"] = examples[0]
		}
	}
	delete(s, "examples")
	// An exclusive bound is a number; it becomes a bound with a flag, where it is
	// the stronger of the two.
	for _, bound := range []struct {
		inclusive, exclusive string
		sign                 float64
	}{{"minimum", "exclusiveMinimum", 1}, {"maximum", "exclusiveMaximum", -1}} {
		exclusive, ok := s[bound.exclusive].(float64)
		if !ok {
			continue
		}
		delete(s, bound.exclusive)
		if inclusive, ok := s[bound.inclusive].(float64); !ok || bound.sign*exclusive >= bound.sign*inclusive {
			s[bound.inclusive], s[bound.exclusive] = exclusive, true
		}
	}
	return nil
}

// rewriteNull writes the type null as 3.0 does: by nullable beside the one
// other type, and where there is no other, by the enumeration of null alone.
func rewriteNull(s spec.Object, at string) error {
	types, isList := s["type"].([]any)
	if name, ok := s["type"].(string); ok {
		types, isList = []any{name}, true
	}
	others := slices.DeleteFunc(slices.Clone(types), func(t any) bool { return t == "null" })
	nullable := len(others) < len(types)
	switch {
	case s["type"] == nil:
	case !isList:
		return fmt.Errorf("%s/type: neither a name nor a list of names", spec.Abbreviate(at))
	case len(others) > 1:
		return fmt.Errorf("%s/type: OpenAPI 3.0 has no counterpart for several types %v", spec.Abbreviate(at), others)
	case len(others) == 1:
		s["type"] = others[0]
		if nullable {
			s["nullable"] = true
		}
	case !nullable:
		return fmt.Errorf("%s/type: an empty list of types", spec.Abbreviate(at))
	default:
		s["type"], s["nullable"], s["enum"] = "object", true, []any{nil}
	}
	return nil
}

// foldNull turns a choice between null and one typed schema, the other common
// way to write an optional value in 3.1, into that schema with nullable.
func foldNull(s spec.Object) {
	for _, key := range choices {
		arms := objects(s, key)
		null := slices.IndexFunc(arms, func(arm spec.Object) bool { return slices.Equal(spec.List(arm, "enum"), []any{nil}) })
		if len(arms) != 2 || null < 0 {
			continue
		}
		value := arms[1-null]
		inBoth := func(key string) bool { return s[key] != nil && !slices.Contains(prose, key) }
		if value["type"] == nil || value["nullable"] == true || value["enum"] != nil || slices.ContainsFunc(spec.SortedKeys(value), inBoth) {
			continue
		}
		delete(s, key)
		for keyword, v := range value {
			if _, own := s[keyword]; !own {
				s[keyword] = v
			}
		}
		s["nullable"] = true
	}
}
