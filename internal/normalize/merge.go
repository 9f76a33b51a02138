package normalize

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/oasdiff/oasdiff/flatten/allof"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// Load converts a document to kin-openapi's form and checks that it is valid OpenAPI.
// It reads nothing outside the document. It checks no examples, and no patterns: the
// dialect of patterns is not Go's.
func Load(doc spec.Object, options ...openapi3.ValidationOption) (_ *openapi3.T, err error) {
	defer spec.Guard(&err, "validating the document")
	loaded, err := openapi3.NewLoader().LoadFromData([]byte(spec.JSON(doc)))
	if err != nil {
		return nil, fmt.Errorf("not an OpenAPI document: %s", firstLine(err))
	}
	if err := loaded.Validate(context.Background(), append(options, openapi3.DisableExamplesValidation(), openapi3.DisableSchemaPatternValidation())...); err != nil {
		return nil, fmt.Errorf("not a valid OpenAPI document: %s", firstLine(err))
	}
	return loaded, nil
}

// firstLine cuts the schemas off an error of kin-openapi, and rewords errors about 3.1.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return strings.Replace(line, "is for OpenAPI >=3.1", "of OpenAPI 3.1 has no counterpart in 3.0", 1)
}

// Merge returns doc with each schema of its operations (parameters, request bodies,
// responses and their headers) merged, so that no allOf is left. doc is not changed and
// must not contain references; its defaults are not checked, because most are of parts
// that the contract lacks. The library oasdiff merges, and refuses contradictions.
func Merge(doc spec.Object) (spec.Object, error) {
	if _, err := Load(doc, openapi3.DisableSchemaDefaultsValidation()); err != nil {
		return nil, err
	}
	out := spec.Clone(doc)
	err := spec.Visit(out, spec.Fields, "", func(o spec.Object, pointer string) error {
		schema := spec.Child(o, "schema")
		if schema == nil {
			return nil
		}
		pointer += "/schema"
		if combinations(schema) > maxChoices {
			return fmt.Errorf("%s: merging allOf could combine more than %d choices", pointer, maxChoices)
		}
		merged, err := mergeSchema(schema, pointer)
		if err != nil {
			return err
		}
		simplify(merged)
		o["schema"] = merged
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// mergeSchema returns a schema without allOf that accepts the same values. It changes
// schema. It merges the schemas below first, so that an error names the smallest one.
func mergeSchema(schema spec.Object, pointer string) (spec.Object, error) {
	joinSingle(schema)
	liftKeywords(schema)
	for _, s := range spec.Subschemas(schema) {
		merged, err := mergeSchema(s.Value, pointer+s.Pointer())
		if err != nil {
			return nil, err
		}
		s.Set(merged)
	}
	merged, err := mergeParts(schema)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", pointer, err)
	}
	for _, bounds := range [][2]string{{"minLength", "maxLength"}, {"minItems", "maxItems"}, {"minProperties", "maxProperties"}, {"minimum", "maximum"}} {
		least, some := merged[bounds[0]].(float64)
		if most, both := merged[bounds[1]].(float64); some && both && least > most {
			return nil, fmt.Errorf("%s: contradiction: %s is above %s", pointer, bounds[0], bounds[1])
		}
	}
	return merged, nil
}

// mergeParts merges the allOf of a schema whose parts contain no further allOf. The
// library refuses parts that contradict each other; mergeSchema checks the bounds.
func mergeParts(schema spec.Object) (_ spec.Object, err error) {
	if len(objects(schema, "allOf")) == 0 {
		delete(schema, "allOf")
		return schema, nil
	}
	defer spec.Guard(&err, "merging allOf")
	var ref openapi3.SchemaRef
	if err := ref.UnmarshalJSON([]byte(spec.JSON(schema))); err != nil {
		return nil, errors.New(firstLine(err))
	}
	merged, err := allof.Merge(ref)
	if err != nil {
		return nil, fmt.Errorf("contradiction: %w", err)
	}
	data, err := merged.MarshalJSON()
	if err != nil {
		return nil, err
	}
	return spec.Decode("the merged schema", data)
}

// allParts returns the schemas and the parts of their allOf, at any depth. All of them
// apply to the same value.
func allParts(schemas ...spec.Object) []spec.Object {
	for i := 0; i < len(schemas); i++ {
		schemas = append(schemas, objects(schemas[i], "allOf")...)
	}
	return schemas
}

func objects(schema spec.Object, keyword string) []spec.Object {
	var out []spec.Object
	for _, v := range spec.List(schema, keyword) {
		if object, ok := v.(spec.Object); ok {
			out = append(out, object)
		}
	}
	return out
}

// choices are the keywords that list alternatives.
var choices = []string{"anyOf", "oneOf"}

// maxChoices limits the combinations that merging writes out: each arm of one part's
// oneOf or anyOf meets each arm of every other part's.
const maxChoices = 1000

// combinations returns an upper bound of the number of variants that merging writes out,
// or maxChoices+1 if the bound is larger. The schemas apply to the same value.
func combinations(schemas ...spec.Object) int {
	capped := func(n int) int { return min(n, maxChoices+1) }
	product, arms, deepest := 1, 0, 1
	below := map[string][]spec.Object{} // schemas that apply to the same part of the value
	for _, part := range allParts(schemas...) {
		for _, keyword := range choices {
			product = capped(product * max(1, len(objects(part, keyword))))
			for _, arm := range objects(part, keyword) {
				arms = capped(arms + combinations(arm))
			}
		}
		for _, s := range spec.Subschemas(part) {
			if s.Keyword == "properties" || s.Keyword == "items" {
				below[s.Pointer()] = append(below[s.Pointer()], s.Value)
			}
		}
	}
	for _, schemas := range below {
		deepest = max(deepest, combinations(schemas...))
	}
	return capped(product * max(arms, deepest))
}

// joinSingle turns a choice of one arm into a part of allOf, in place.
func joinSingle(schema spec.Object) {
	for _, keyword := range choices {
		if arms := spec.List(schema, keyword); len(arms) == 1 {
			schema["allOf"] = append(spec.List(schema, "allOf"), arms[0])
			delete(schema, keyword)
		}
	}
}

// liftKeywords merges, in place, the keywords that the library does not: deprecated if
// a part has it, and nullable if all parts allow null.
func liftKeywords(o spec.Object) {
	if len(objects(o, "allOf")) == 0 {
		return
	}
	joinMembers(o)
	if slices.ContainsFunc(allParts(o), func(part spec.Object) bool { return part["deprecated"] == true }) {
		o["deprecated"] = true
	}
	if typed, null := nullability(o); typed && null {
		for _, part := range allParts(o) { // the library requires nullable in each
			part["nullable"] = true
		}
	}
}

// joinMembers moves, in place, the schemas that several parts have for one property, or
// for items, to one allOf below o, because liftKeywords works on an allOf. A part with
// additionalProperties keeps its properties: additionalProperties would apply to a
// property that is moved away.
func joinMembers(o spec.Object) {
	properties, items := map[string][]any{}, []any(nil)
	parts := allParts(o)
	isOpen := func(part spec.Object) bool { return part["additionalProperties"] == nil }
	for _, part := range parts {
		if part["items"] != nil {
			items = append(items, part["items"])
		}
		for name, property := range spec.Children(spec.Child(part, "properties")) {
			if isOpen(part) {
				properties[name] = append(properties[name], property)
			}
		}
	}
	for name, shared := range properties {
		if len(shared) < 2 || !isOpen(o) {
			continue
		}
		for _, part := range parts {
			if isOpen(part) {
				delete(spec.Child(part, "properties"), name)
			}
		}
		spec.Ensure(o, "properties")[name] = spec.Object{"allOf": shared}
	}
	if len(items) > 1 {
		for _, part := range parts {
			delete(part, "items")
		}
		o["items"] = spec.Object{"allOf": items}
	}
}

// nullability reports whether a schema, its parts or its choices restrict the type of
// values, and whether null is allowed. The keyword nullable has an effect only beside
// type (OpenAPI 3.0.3).
func nullability(schema spec.Object) (typed, null bool) {
	if enum, ok := schema["enum"].([]any); ok && !slices.Contains(enum, nil) {
		return true, false
	}
	typed = schema["type"] != nil
	null = !typed || schema["nullable"] == true
	for _, part := range objects(schema, "allOf") {
		partTyped, partNull := nullability(part)
		typed, null = typed || partTyped, null && (partNull || !partTyped)
	}
	for _, keyword := range choices {
		arms := objects(schema, keyword)
		mayBeNull := func(arm spec.Object) bool {
			armTyped, armNull := nullability(arm)
			return armNull || !armTyped
		}
		if len(arms) > 0 && !slices.ContainsFunc(arms, mayBeNull) {
			return true, false
		}
	}
	return typed, null
}
