package jsongen

import (
	"math"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"pgregory.net/rapid"
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

// commonTypes returns the types that all schemas with a type allow. A schema with
// properties and no type allows objects.
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

// nullable reports whether all schemas with a type allow null, and at least one has a
// type.
func nullable(all []*openapi3.Schema) bool {
	hasType := false
	for _, s := range all {
		if len(s.Type.Slice()) > 0 {
			hasType = true
			if !s.Nullable {
				return false
			}
		}
	}
	return hasType
}

// bounds returns the range of whole numbers between least and most that all of the
// schemas allow. If no number is allowed, it returns least and most, and the validator
// refuses the document.
func bounds(all []*openapi3.Schema, least, most int64) (from, to int64) {
	from, to = least, most
	for _, s := range all {
		if s.Min != nil {
			from = max(from, integer(math.Ceil(*s.Min)))
		}
		if s.Max != nil {
			to = min(to, integer(math.Floor(*s.Max)))
		}
	}
	if from > to {
		return least, most
	}
	return from, to
}

// integer converts a whole number, limited to the range from -2^62 to 2^62.
func integer(f float64) int64 { return int64(max(-1<<62, min(1<<62, f))) }

// wholeNumber draws whole numbers from least to most that all of the schemas allow.
func wholeNumber(all []*openapi3.Schema, least, most int64) *rapid.Generator[int64] {
	return rapid.Int64Range(bounds(all, least, most))
}

// withLength cuts or extends a text to a length that all of the schemas allow.
func withLength(text string, all []*openapi3.Schema) string {
	runes := []rune(text)
	for _, s := range all {
		if s.MaxLength != nil && uint64(len(runes)) > *s.MaxLength {
			runes = runes[:*s.MaxLength]
		}
	}
	for _, s := range all {
		if missing := int64(s.MinLength) - int64(len(runes)); missing > 0 {
			runes = append(runes, []rune(strings.Repeat("x", int(missing)))...)
		}
	}
	return string(runes)
}
