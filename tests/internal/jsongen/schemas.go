package jsongen

import (
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

func deref(refs openapi3.SchemaRefs) []*openapi3.Schema {
	out := make([]*openapi3.Schema, len(refs))
	for i, ref := range refs {
		out[i] = ref.Value
	}
	return out
}

func collect[T any](all []*openapi3.Schema, of func(*openapi3.Schema) []T) []T {
	var out []T
	for _, s := range all {
		out = append(out, of(s)...)
	}
	return out
}

// commonTypes returns the types that all schemas with a type allow; a schema
// with properties and no type is meant for objects.
func commonTypes(all []*openapi3.Schema) []string {
	var common []string
	for _, s := range all {
		types := s.Type.Slice()
		if len(types) == 0 && len(s.Properties) > 0 {
			types = []string{"object"}
		}
		switch {
		case len(types) == 0:
		case common == nil:
			common = slices.Clone(types)
		default:
			common = slices.DeleteFunc(common, func(t string) bool { return !slices.Contains(types, t) })
		}
	}
	return common
}

// nullable reports whether all schemas with a type allow null.
func nullable(all []*openapi3.Schema) bool {
	said := false
	for _, s := range all {
		if len(s.Type.Slice()) > 0 {
			said = true
			if !s.Nullable {
				return false
			}
		}
	}
	return said
}
