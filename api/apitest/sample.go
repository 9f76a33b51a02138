package apitest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
	jsonv2 "github.com/go-json-experiment/json"

	"github.com/certuse/cloudflare-mtls/api/internal/apispec"
)

// maxDepth limits the depth of a schema that refers to itself.
const maxDepth = 16

// formats has a string for each format that the checker validates.
var formats = map[string]string{
	"date-time": "2006-01-02T15:04:05Z",
	"date":      "2006-01-02",
	"byte":      "c2FtcGxl",
}

// sampleOf returns a value that the schema allows in a response: its example, its
// default, a listed value, null, a value of one of its variants, or the smallest value
// by its types, formats and required members. If it finds no such value, as for a
// pattern without an example, it returns the smallest value although the schema refuses
// it. allOf is not supported, because the contract has none. depth is the number of
// schemas around this one.
func sampleOf(schema *openapi3.SchemaRef, depth int) any {
	if schema == nil {
		return "sample"
	}
	s := schema.Value
	for _, value := range slices.Concat([]any{s.Example, s.Default}, s.Enum) {
		if value != nil && allows(s, value) {
			return value
		}
	}
	if s.Nullable && allows(s, nil) || depth > maxDepth {
		return nil
	}
	for _, variant := range slices.Concat(s.OneOf, s.AnyOf) {
		if value := sampleOf(variant, depth+1); allows(s, value) {
			return value
		}
	}
	candidates := minimalValues(schema, depth)
	for _, value := range candidates {
		if allows(s, value) {
			return value
		}
	}
	return candidates[0]
}

func allows(schema *openapi3.Schema, value any) bool {
	return schema.VisitJSON(value, openapi3.VisitAsResponse(), openapi3.EnableFormatValidation()) == nil
}

// minimalValues returns the smallest values of each type. An object or array that the
// schema describes comes first.
func minimalValues(schema *openapi3.SchemaRef, depth int) (values []any) {
	s := schema.Value
	if s.Type.Is(openapi3.TypeObject) || len(s.Required) > 0 {
		object := map[string]any{}
		for _, name := range required(schema) {
			object[name] = sampleOf(apispec.Child(schema, name), depth+1)
		}
		values = append(values, object)
	}
	if s.Type.Is(openapi3.TypeArray) {
		list := make([]any, s.MinItems)
		for i := range list {
			list[i] = sampleOf(s.Items, depth+1)
		}
		values = append(values, list)
	}
	values = append(values, sampleText(s), 0.0)
	if s.Min != nil {
		values = append(values, math.Ceil(*s.Min), math.Floor(*s.Min)+1)
	}
	if s.Max != nil {
		values = append(values, math.Floor(*s.Max), math.Ceil(*s.Max)-1)
	}
	return append(values, false, map[string]any{}, []any{})
}

func sampleText(s *openapi3.Schema) string {
	value := cmp.Or(formats[s.Format], "sample")
	for uint64(len(value)) < s.MinLength {
		value += "x"
	}
	if s.MaxLength != nil && uint64(len(value)) > *s.MaxLength {
		value = value[:*s.MaxLength]
	}
	return value
}

// required returns the members that a response must have, without those that are
// write-only.
func required(schema *openapi3.SchemaRef) []string {
	return slices.DeleteFunc(slices.Clone(schema.Value.Required), func(name string) bool {
		member := apispec.Child(schema, name)
		return member != nil && member.Value.WriteOnly
	})
}

// fillRequired adds the missing required members to a JSON text, such as members that a
// later contract requires. A text without missing members is returned unchanged. given
// has the JSON texts of members that get no sample, by places such as "/rows/*/name",
// where * is any item; a member with an empty text is not added.
func fillRequired(schema *openapi3.SchemaRef, text []byte, given map[string]string) ([]byte, error) {
	value, err := apispec.Decode(text)
	if err != nil {
		return nil, fmt.Errorf("add the members that the schema requires: %w", err)
	}
	f := filler{given: given}
	if f.fill(schema, value, ""); !f.added {
		return text, nil
	}
	return jsonv2.Marshal(value, jsonv2.Deterministic(true), jsonv2.WithMarshalers(jsonv2.MarshalFunc(
		func(n json.Number) ([]byte, error) { return []byte(n), nil })))
}

type filler struct {
	given map[string]string
	added bool
}

// fill adds the missing members to the objects in value.
func (f *filler) fill(schema *openapi3.SchemaRef, value any, place string) {
	if schema == nil {
		return
	}
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			f.fill(schema.Value.Items, item, place+"/*")
		}
	case map[string]any:
		for _, name := range required(schema) {
			text, isGiven := f.given[place+"/"+name]
			if _, has := v[name]; has || isGiven && text == "" {
				continue
			}
			f.added = true
			if isGiven {
				v[name], _ = apispec.Decode([]byte(text)) // a constant of this package
			} else {
				v[name] = sampleOf(apispec.Child(schema, name), 0)
			}
		}
		for name, member := range v {
			f.fill(apispec.Child(schema, name), member, place+"/"+name)
		}
	}
}
