package normalize

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-json-experiment/json"
	"github.com/oasdiff/oasdiff/flatten/allof"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// ContradictionError is an allOf that no document can satisfy, or that cannot be
// merged into one schema.
type ContradictionError struct {
	Pointer string // JSON pointer of the schema
	Keyword string // the keyword its parts disagree on
	Cause   error
}

func (c *ContradictionError) Error() string {
	return fmt.Sprintf("%s: contradiction in %q: %v", c.Pointer, c.Keyword, c.Cause)
}

func (c *ContradictionError) Unwrap() error { return c.Cause }

// Merge returns doc with each schema of its operations (parameters, request bodies,
// responses and their headers) merged: no allOf is left in it. doc is not changed
// and must not contain references. The merging itself is oasdiff's, which works on
// kin-openapi schemas and refuses to merge contradictions; Merge finds out where a
// contradiction is.
func Merge(doc spec.Object) (spec.Object, error) {
	if _, err := Load(doc); err != nil {
		return nil, err
	}
	out := spec.Clone(doc)
	for l := range spec.All(out) {
		for place := range l.Schemas() {
			pointer := place.Pointer + "/schema"
			schema, ok := place.Holder["schema"].(spec.Object)
			if !ok {
				continue
			}
			if n := combinations([]spec.Object{schema}); n > maxChoices {
				return nil, fmt.Errorf("%s: merging allOf would combine more than %d choices", pointer, maxChoices)
			}
			merged, err := mergeSchema(schema, pointer)
			if err != nil {
				return nil, err
			}
			Simplify(merged)
			place.Holder["schema"] = merged
		}
	}
	return out, nil
}

// mergeSchema returns the merged form of the schema at pointer.
func mergeSchema(schema spec.Object, pointer string) (_ spec.Object, err error) {
	defer spec.Guard(&err, pointer+": merging allOf")
	hoist(schema)
	data, err := json.Marshal(schema, json.Deterministic(true))
	if err != nil {
		return nil, err
	}
	var ref openapi3.SchemaRef
	if err := ref.UnmarshalJSON(data); err != nil {
		return nil, fmt.Errorf("%s: %s", pointer, firstLine(err))
	}
	merged, err := mergeChecked(&ref)
	if err != nil {
		return nil, locate(&ref, pointer, err)
	}
	if err := bounds(&openapi3.SchemaRef{Value: merged}, pointer); err != nil {
		return nil, err
	}
	if data, err = merged.MarshalJSON(); err != nil {
		return nil, fmt.Errorf("%s: %w", pointer, err)
	}
	return spec.Decode(pointer, data)
}

// hoist writes what the library does not merge beside the allOf that it stands
// in, in place: a part that is deprecated, null where all parts allow it, and a
// choice of which an overlay left one arm.
func hoist(schema spec.Object) {
	_ = spec.Visit(schema, spec.Fields, "", func(o spec.Object, place spec.Place, _ string) error {
		if place == spec.Fields {
			joinSingle(o)
		}
		parts := objects(o["allOf"])
		if place != spec.Fields || len(parts) == 0 {
			return nil
		}
		if slices.ContainsFunc(parts, isDeprecated) {
			o["deprecated"] = true
		}
		if _, typed := o["type"]; !typed && allowsNull(o) {
			o["nullable"] = true
			for _, part := range parts { // the library wants it in each
				part["nullable"] = true
			}
		}
		return nil
	})
}

func isDeprecated(schema spec.Object) bool {
	return schema["deprecated"] == true || slices.ContainsFunc(objects(schema["allOf"]), isDeprecated)
}

// allowsNull reports whether the type of a schema, or of its parts, is nullable. A
// part without a type says nothing about null (OpenAPI 3.0.3: nullable has an
// effect only beside type), unless it lists values.
func allowsNull(schema spec.Object) bool {
	typed, null := nullability(schema)
	return typed && null
}

func nullability(schema spec.Object) (typed, null bool) {
	if enum, ok := schema["enum"].([]any); ok && !slices.Contains(enum, nil) {
		return true, false
	}
	if _, typed := schema["type"]; typed {
		return true, schema["nullable"] == true
	}
	null = true
	for _, part := range objects(schema["allOf"]) {
		partTyped, partNull := nullability(part)
		typed, null = typed || partTyped, null && (partNull || !partTyped)
	}
	for _, keyword := range []string{"anyOf", "oneOf"} {
		arms := objects(schema[keyword])
		excludes := func(arm spec.Object) bool {
			armTyped, armNull := nullability(arm)
			return armTyped && !armNull
		}
		if len(arms) > 0 && !slices.ContainsFunc(arms, func(arm spec.Object) bool { return !excludes(arm) }) {
			return true, false
		}
	}
	return typed, null
}

// Load turns a document into kin-openapi's form and checks that it is valid
// OpenAPI. Nothing outside the document is read. Patterns are not checked: they
// are for other regular expressions than Go's.
func Load(doc spec.Object) (_ *openapi3.T, err error) {
	defer spec.Guard(&err, "validating the document")
	data, err := json.Marshal(doc, json.Deterministic(true))
	if err != nil {
		return nil, err
	}
	loader := openapi3.NewLoader()
	loader.IsExternalRefsAllowed = false
	spec, err := loader.LoadFromData(data)
	if err != nil {
		return nil, fmt.Errorf("not an OpenAPI document: %s", firstLine(err))
	}
	if err := spec.Validate(context.Background(), openapi3.DisableExamplesValidation(), openapi3.DisableSchemaPatternValidation()); err != nil {
		return nil, fmt.Errorf("not a valid OpenAPI document: %s", firstLine(err))
	}
	return spec, nil
}

// firstLine keeps errors to one line: kin-openapi appends whole schemas.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// bounds refuses a merged schema, or one below it, whose lower bound is above
// its upper one.
func bounds(ref *openapi3.SchemaRef, pointer string) error {
	s := ref.Value
	for _, bound := range []struct {
		keyword string
		crossed bool
	}{
		{"minLength", s.MaxLength != nil && s.MinLength > *s.MaxLength},
		{"minItems", s.MaxItems != nil && s.MinItems > *s.MaxItems},
		{"minProperties", s.MaxProps != nil && s.MinProps > *s.MaxProps},
		{"minimum", s.Min != nil && s.Max != nil && *s.Min > *s.Max},
	} {
		if bound.crossed {
			return &ContradictionError{Pointer: pointer, Keyword: bound.keyword, Cause: errors.New("the lower bound is above the upper one")}
		}
	}
	for name, child := range children(s) {
		if err := bounds(child, pointer+name); err != nil {
			return err
		}
	}
	return nil
}

// mergeChecked merges, and refuses a result that no document satisfies.
func mergeChecked(ref *openapi3.SchemaRef) (merged *openapi3.Schema, err error) {
	defer spec.Guard(&err, "merging allOf")
	merged, err = allof.Merge(*ref)
	if err != nil {
		return nil, err
	}
	if merged.Enum != nil && len(merged.Enum) == 0 {
		return nil, fmt.Errorf("unable to resolve Enum conflict: no value is in all of them")
	}
	return merged, nil
}

var conflict = regexp.MustCompile(`unable to resolve (\w+) conflict`)

// locate finds the smallest schema that cannot be merged: because its parts
// contradict each other, or because the merging panics.
func locate(ref *openapi3.SchemaRef, pointer string, cause error) error {
	for name, child := range children(ref.Value) {
		if _, err := mergeChecked(child); err != nil {
			return locate(child, pointer+name, err)
		}
	}
	byName := map[string]openapi3.SchemaRefs{}
	collect(ref.Value, byName)
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		parts := &openapi3.SchemaRef{Value: &openapi3.Schema{AllOf: byName[name]}}
		if _, err := mergeChecked(parts); err != nil {
			return locate(parts, pointer+"/properties/"+spec.Escape(name), err)
		}
	}
	if _, panicked := errors.AsType[*spec.PanicError](cause); panicked {
		return fmt.Errorf("%s: %w", pointer, cause)
	}
	keyword := "allOf"
	if m := conflict.FindStringSubmatch(cause.Error()); m != nil {
		keyword = strings.ToLower(m[1][:1]) + m[1][1:]
	}
	return &ContradictionError{Pointer: pointer, Keyword: keyword, Cause: cause}
}

// collect gathers the schemas that the parts of allOf give each property.
func collect(s *openapi3.Schema, byName map[string]openapi3.SchemaRefs) {
	for _, part := range s.AllOf {
		for name, property := range part.Value.Properties {
			byName[name] = append(byName[name], property)
		}
		collect(part.Value, byName)
	}
}

// children yields the schemas directly below s in a fixed order, each with the
// pointer from s.
func children(s *openapi3.Schema) func(yield func(string, *openapi3.SchemaRef) bool) {
	return func(yield func(string, *openapi3.SchemaRef) bool) {
		for i, part := range s.AllOf {
			if !yield(fmt.Sprintf("/allOf/%d", i), part) {
				return
			}
		}
		for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
			if !yield("/properties/"+spec.Escape(name), s.Properties[name]) {
				return
			}
		}
		if s.Items != nil {
			yield("/items", s.Items)
		}
	}
}
