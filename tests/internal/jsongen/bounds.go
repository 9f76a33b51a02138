package jsongen

import (
	"math"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"pgregory.net/rapid"
)

// bounds returns the range of whole numbers between least and most that all of the
// schemas allow. For an empty range it returns least and most; the validator then
// judges the numbers drawn.
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

// integer converts a whole number, the largest to less than they are.
func integer(f float64) int64 { return int64(max(-1<<62, min(1<<62, f))) }

// whole draws whole numbers from least to most that all of the schemas allow.
func whole(all []*openapi3.Schema, least, most int64) *rapid.Generator[int64] {
	return rapid.Int64Range(bounds(all, least, most))
}

// fitted cuts or extends a text to a length that all of the schemas allow.
func fitted(text string, all []*openapi3.Schema) string {
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
