// Package jsongen draws JSON documents from OpenAPI schemas for property-based tests.
// Most of them are valid; callers validate them.
package jsongen

import (
	"encoding/json"
	"flag"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/getkin/kin-openapi/openapi3"
	"pgregory.net/rapid"

	_ "github.com/certuse/cloudflare-mtls/tests/internal/random" // sets rapid's seed
)

// Options configure the documents.
type Options struct {
	// Extra holds names of additional members of objects.
	Extra []string
	// InvalidPercent is the chance in percent that a value ignores its schema, and the
	// chance that a required property counts as optional.
	InvalidPercent int
	// Exact draws integers from the whole range of int64, as json.Number, and other
	// numbers without a fraction, from -2^53 to 2^53.
	Exact bool
}

// Document draws a document for the schema.
func Document(schema *openapi3.Schema, options Options) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		return (&generator{t, options}).value([]*openapi3.Schema{schema})
	})
}

type generator struct {
	t *rapid.T
	Options
}

// value draws a value that satisfies all of the schemas.
func (g *generator) value(schemas []*openapi3.Schema) any {
	if g.invalid() {
		return g.anything(2)
	}
	all := g.conjuncts(nil, schemas)
	for range 4 { // the drawn variants can exclude each other: draw again
		if types := commonTypes(all); types == nil || len(types) > 0 {
			break
		}
		all = g.conjuncts(nil, schemas)
	}
	if enums := collect(all, func(s *openapi3.Schema) []any { return s.Enum }); len(enums) > 0 {
		return rapid.SampledFrom(enums).Draw(g.t, "enum")
	}
	if nullable(all) && g.percent(10) {
		return nil
	}
	switch types := commonTypes(all); {
	case slices.Contains(types, "object"):
		return g.object(all)
	case slices.Contains(types, "array"):
		return g.array(all)
	case slices.Contains(types, "string"):
		return g.stringValue(all)
	case slices.Contains(types, "boolean"):
		return rapid.Bool().Draw(g.t, "boolean")
	case slices.Contains(types, "integer"):
		if g.Exact {
			return json.Number(strconv.FormatInt(wholeNumber(all, math.MinInt64, math.MaxInt64).Draw(g.t, "integer"), 10))
		}
		return float64(wholeNumber(all, -1<<53, 1<<53).Draw(g.t, "integer"))
	case slices.Contains(types, "number") && g.Exact:
		return float64(wholeNumber(all, -1<<53, 1<<53).Draw(g.t, "number"))
	case slices.Contains(types, "number"):
		least, most := bounds(all, -1e9, 1e9)
		return rapid.OneOf(
			rapid.Map(wholeNumber(all, 0, 1<<53), func(n int64) float64 { return float64(n) }),
			rapid.Float64Range(float64(least), float64(most)),
		).Draw(g.t, "number")
	default: // no type, or types that exclude each other
		if value := g.anything(2); value != nil {
			return value
		}
		return false // null needs a type that is nullable
	}
}

// stringValue returns a fixed string for a format that the validator checks, and draws
// a string otherwise.
func (g *generator) stringValue(all []*openapi3.Schema) any {
	for _, s := range all {
		switch s.Format {
		case "date-time":
			return "2026-01-02T03:04:05Z"
		case "date":
			return "2026-01-02"
		case "byte":
			return "aGk="
		}
	}
	return withLength(g.text(), all)
}

// conjuncts returns the schemas that a value has to satisfy, with one variant drawn for
// each anyOf and oneOf.
func (g *generator) conjuncts(all, schemas []*openapi3.Schema) []*openapi3.Schema {
	for _, s := range schemas {
		all = append(all, s)
		all = g.conjuncts(all, deref(s.AllOf))
		for _, choice := range []openapi3.SchemaRefs{s.AnyOf, s.OneOf} {
			if len(choice) > 0 {
				variant := rapid.SampledFrom(deref(choice)).Draw(g.t, "variant")
				all = g.conjuncts(all, []*openapi3.Schema{variant})
			}
		}
	}
	return all
}

func (g *generator) object(all []*openapi3.Schema) any {
	properties := map[string][]*openapi3.Schema{}
	for _, s := range all {
		for name, ref := range s.Properties {
			if ref.Value.WriteOnly {
				continue // not in a response
			}
			properties[name] = append(properties[name], ref.Value)
		}
	}
	required := collect(all, func(s *openapi3.Schema) []string { return s.Required })
	object := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		if slices.Contains(required, name) && !g.invalid() || rapid.Bool().Draw(g.t, name) {
			object[name] = g.value(properties[name])
		}
	}
	for len(g.Extra) > 0 && g.percent(20) {
		name := rapid.SampledFrom(g.Extra).Draw(g.t, "extra")
		if _, declared := object[name]; !declared {
			object[name] = g.additional(all)
		}
	}
	return object
}

// additional draws a value for a name that no schema declares.
func (g *generator) additional(all []*openapi3.Schema) any {
	var schemas []*openapi3.Schema
	for _, s := range all {
		if s.AdditionalProperties.Schema != nil {
			schemas = append(schemas, s.AdditionalProperties.Schema.Value)
		}
	}
	if len(schemas) > 0 {
		return g.value(schemas)
	}
	return g.anything(1)
}

func (g *generator) array(all []*openapi3.Schema) any {
	var items []*openapi3.Schema
	for _, s := range all {
		if s.Items != nil {
			items = append(items, s.Items.Value)
		}
	}
	out := []any{}
	for range rapid.IntRange(0, 3).Draw(g.t, "length") {
		out = append(out, g.value(items))
	}
	return out
}

// anything draws a JSON value of any kind, at most depth levels deep.
func (g *generator) anything(depth int) any {
	kinds := []string{"null", "boolean", "number", "string"}
	if depth > 0 {
		kinds = append(kinds, "array", "object")
	}
	switch rapid.SampledFrom(kinds).Draw(g.t, "kind") {
	case "boolean":
		return rapid.Bool().Draw(g.t, "boolean")
	case "number":
		return float64(rapid.IntRange(-5, 2000).Draw(g.t, "number"))
	case "string":
		return g.text()
	case "array":
		return []any{g.anything(depth - 1)}
	case "object":
		return map[string]any{rapid.SampledFrom([]string{"code", "service", "pointer"}).Draw(g.t, "name"): g.anything(depth - 1)}
	default:
		return nil
	}
}

func (g *generator) text() string {
	return rapid.OneOf(rapid.StringN(0, 8, -1), rapid.SampledFrom([]string{"gateway", "active", "a/b~c", "\u2028<&>\""})).Draw(g.t, "text")
}

func (g *generator) invalid() bool { return g.InvalidPercent > 0 && g.percent(g.InvalidPercent) }

func (g *generator) percent(n int) bool { return rapid.IntRange(0, 99).Draw(g.t, "percent") >= 100-n }

// Checks sets how often each [rapid.Check] runs its function, unless -rapid.checks is
// given. It is for TestMain.
func Checks(n string) error {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "rapid.checks" })
	if given {
		return nil
	}
	return flag.Set("rapid.checks", n)
}
