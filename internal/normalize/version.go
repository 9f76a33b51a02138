package normalize

import (
	"fmt"
	"slices"
	"strings"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// Version is the OpenAPI version of canonical documents. The patch versions of 3.0
// differ in documentation only.
const Version = "3.0.3"

// dialect31 is the default schema dialect of OpenAPI 3.1.
const dialect31 = "https://spec.openapis.org/oas/3.1/dialect/base"

// CheckVersion refuses documents other than OpenAPI 3.0 and 3.1.
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

// canonicalInfo returns a copy of the document's info without members of OpenAPI 3.1,
// which do not concern the operation.
func canonicalInfo(c *spec.Copier) (any, error) {
	info, err := c.Copy(c.Doc["info"], "/info")
	delete(spec.Child(info), "summary")
	delete(spec.Child(info, "license"), "identifier")
	return info, err
}

// Members of schemas in OpenAPI 3.1. Any other one is refused by name.
var (
	// sharedKeywords mean the same in 3.0, except for the type null.
	sharedKeywords = strings.Fields(`title description example externalDocs xml deprecated readOnly writeOnly default
	type format enum multipleOf maximum minimum maxLength minLength pattern maxItems minItems uniqueItems items
	maxProperties minProperties required properties additionalProperties allOf oneOf anyOf not`)
	// annotationsOf31 assert nothing. No reference to a definition is left.
	annotationsOf31 = strings.Fields("$schema $comment $defs examples contentMediaType contentEncoding contentSchema")
)

// schemasAs30 converts the schemas of an operation of 3.1 to 3.0, in place.
func schemasAs30(op spec.Object, at string) error {
	return spec.Visit(op, spec.Fields, at, func(o spec.Object, pointer string) error {
		if schema, ok := o["schema"]; ok {
			return schemaAs30(schema, pointer+"/schema")
		}
		return nil
	})
}

// schemaAs30 converts a schema of 3.1 to 3.0, in place. It refuses what 3.0 expresses
// in another way, or not at all, except for the type null.
func schemaAs30(v any, at string) error {
	s, ok := v.(spec.Object)
	if !ok {
		return fmt.Errorf("%.300s: OpenAPI 3.0 has no schemas other than objects", at)
	}
	for _, key := range spec.SortedKeys(s) {
		if slices.Contains(annotationsOf31, key) {
			delete(s, key)
		} else if !slices.Contains(sharedKeywords, key) && !strings.HasPrefix(key, "x-") {
			return fmt.Errorf("%.300s/%s: OpenAPI 3.0 has no counterpart for this keyword of 3.1", at, spec.Escape(key))
		}
	}
	for _, below := range spec.Subschemas(s) {
		if _, isBool := below.Value.(bool); isBool && below.Keyword == "additionalProperties" {
			continue // as in 3.0
		}
		if err := schemaAs30(below.Value, at+below.Pointer()); err != nil {
			return err
		}
	}
	types := spec.List(s, "type")
	if name, ok := s["type"].(string); ok {
		types = []any{name}
	}
	others := slices.DeleteFunc(slices.Clone(types), func(t any) bool { return t == "null" })
	switch {
	case s["type"] == nil:
	case len(others) == 1:
		if s["type"] = others[0]; len(types) > 1 {
			s["nullable"] = true
		}
	case len(types) > 0 && len(others) == 0:
		s["type"], s["nullable"], s["enum"] = "object", true, []any{nil}
	default:
		return fmt.Errorf("%.300s/type: OpenAPI 3.0 has no counterpart for %.100q", at, s["type"])
	}
	return nil
}
