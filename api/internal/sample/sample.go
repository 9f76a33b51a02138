// Package sample makes up what a schema requires, for answers of the fake server
// that stay in the contract when it comes to require more, and for tests.
package sample

import (
	"math"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// deepest bounds how far a schema that refers to itself is followed.
const deepest = 16

// formats are strings of the formats that a validator may look at.
var formats = map[string]string{
	"date-time": "2006-01-02T15:04:05Z",
	"date":      "2006-01-02",
	"time":      "15:04:05Z",
	"byte":      "c2FtcGxl",
	"email":     "sample@example.com",
	"hostname":  "sample.example.com",
	"uri":       "https://example.com/sample",
	"url":       "https://example.com/sample",
	"ipv4":      "192.0.2.1",
	"ipv6":      "2001:db8::1",
	"uuid":      "00000000-0000-4000-8000-000000000000",
}

// Of returns a value that the schema allows in an answer, the documented ones
// first: its example, its default, a listed value, null, or the least that its
// types, formats and required members ask for. What nothing but an example can
// tell, such as a pattern, it may miss.
func Of(schema *openapi3.Schema) any { return of(schema, 0) }

func of(schema *openapi3.Schema, depth int) any {
	documented := []any{schema.Example, schema.Default}
	for _, s := range conjuncts(schema) {
		documented = append(documented, s.Example, s.Default)
		documented = append(documented, s.Enum...)
	}
	for _, value := range documented {
		if value != nil && allows(schema, value) {
			return value
		}
	}
	if schema.Nullable && allows(schema, nil) || depth > deepest {
		return nil
	}
	for _, choice := range []openapi3.SchemaRefs{schema.OneOf, schema.AnyOf} {
		for _, arm := range choice {
			if value := of(arm.Value, depth+1); allows(schema, value) {
				return value
			}
		}
	}
	return least(schema, depth)
}

func allows(schema *openapi3.Schema, value any) bool {
	return schema.VisitJSON(value, openapi3.VisitAsResponse(), openapi3.EnableFormatValidation()) == nil
}

// least is the smallest value of the schema's type.
func least(schema *openapi3.Schema, depth int) any {
	all := conjuncts(schema)
	for _, s := range all {
		switch {
		case s.Type.Is(openapi3.TypeObject), len(s.Properties) > 0, len(s.Required) > 0:
			object := map[string]any{}
			for _, name := range required(all) {
				object[name] = of(member(all, name), depth+1)
			}
			return object
		case s.Type.Is(openapi3.TypeArray):
			list := make([]any, s.MinItems)
			for i := range list {
				list[i] = of(member(all, ""), depth+1)
			}
			return list
		case s.Type.Is(openapi3.TypeString):
			return text(s)
		case s.Type.Is(openapi3.TypeInteger), s.Type.Is(openapi3.TypeNumber):
			return number(s)
		case s.Type.Is(openapi3.TypeBoolean):
			return false
		}
	}
	for _, value := range []any{"sample", 0.0, map[string]any{}, []any{}} {
		if allows(schema, value) {
			return value
		}
	}
	return false
}

func text(s *openapi3.Schema) string {
	if value, ok := formats[s.Format]; ok {
		return value
	}
	value := "sample"
	if missing := int(s.MinLength) - len(value); missing > 0 { //nolint:gosec // no schema asks for a string of 2^63 characters
		value += strings.Repeat("x", missing)
	}
	if s.MaxLength != nil && uint64(len(value)) > *s.MaxLength {
		value = value[:*s.MaxLength]
	}
	return value
}

// number is a whole number within the bounds, if there is one close to them.
func number(s *openapi3.Schema) float64 {
	tries := []float64{0}
	if s.Min != nil {
		tries = append(tries, math.Ceil(*s.Min), math.Floor(*s.Min)+1)
	}
	if s.Max != nil {
		tries = append(tries, math.Floor(*s.Max), math.Ceil(*s.Max)-1)
	}
	for _, value := range tries {
		if allows(s, value) {
			return value
		}
	}
	return 0
}
