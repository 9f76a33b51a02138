// Package flatten merges every allOf of a document into one plain schema.
//
// The merging itself is oasdiff's, which works on kin-openapi schemas and
// refuses to merge what contradicts itself. This package finds out where a
// contradiction is, so that the error names the schema and the keyword.
package flatten

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

	"github.com/certuse/cloudflare-mtls/internal/specdoc"
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

// Flatten returns doc with each schema of the operation's responses and
// parameters merged; doc is not changed. It must not contain references.
func Flatten(doc specdoc.Object) (_ specdoc.Object, err error) {
	defer specdoc.Guard(&err, "flattening the document")
	if err := checkChoices(doc); err != nil {
		return nil, err
	}
	spec, err := Load(doc)
	if err != nil {
		return nil, err
	}
	for path, item := range spec.Paths.Map() {
		for method, op := range item.Operations() {
			at := "/paths/" + specdoc.Escape(path) + "/" + strings.ToLower(method)
			if err := operation(op, at); err != nil {
				return nil, err
			}
		}
	}
	data, err := spec.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("encoding the flattened document: %w", err)
	}
	out, err := specdoc.Decode("flattened document", data)
	if err != nil {
		return nil, err
	}
	simplifyResponses(out)
	return out, nil
}

func simplifyResponses(doc specdoc.Object) {
	paths, _ := doc["paths"].(specdoc.Object)
	for _, item := range paths {
		operations, _ := item.(specdoc.Object)
		for _, op := range operations {
			if op, ok := op.(specdoc.Object); ok {
				simplifyMedia(op["responses"])
			}
		}
	}
}

// simplifyMedia simplifies the schema of each media type of each response.
func simplifyMedia(responses any) {
	byStatus, _ := responses.(specdoc.Object)
	for _, response := range byStatus {
		response, _ := response.(specdoc.Object)
		content, _ := response["content"].(specdoc.Object)
		for _, media := range content {
			if media, ok := media.(specdoc.Object); ok {
				Simplify(media["schema"])
			}
		}
	}
}

// Load turns a document into kin-openapi's form and checks that it is valid
// OpenAPI. Nothing outside the document is read.
func Load(doc specdoc.Object) (_ *openapi3.T, err error) {
	defer specdoc.Guard(&err, "validating the document")
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
	if err := spec.Validate(context.Background(), openapi3.DisableExamplesValidation()); err != nil {
		return nil, fmt.Errorf("not a valid OpenAPI document: %s", firstLine(err))
	}
	return spec, nil
}

// firstLine keeps errors to one line: kin-openapi appends whole schemas.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

func operation(op *openapi3.Operation, at string) error {
	for i, p := range op.Parameters {
		if err := merge(&p.Value.Schema, fmt.Sprintf("%s/parameters/%d/schema", at, i)); err != nil {
			return err
		}
	}
	responses := op.Responses.Map()
	for _, status := range slices.Sorted(maps.Keys(responses)) {
		content := responses[status].Value.Content
		for _, mediaType := range slices.Sorted(maps.Keys(content)) {
			pointer := strings.Join([]string{at, "responses", status, "content", specdoc.Escape(mediaType), "schema"}, "/")
			if err := merge(&content[mediaType].Schema, pointer); err != nil {
				return err
			}
		}
	}
	return nil
}

func merge(ref **openapi3.SchemaRef, pointer string) error {
	if *ref == nil {
		return nil
	}
	merged, err := mergeChecked(*ref)
	if err != nil {
		return locate(*ref, pointer, err)
	}
	*ref = &openapi3.SchemaRef{Value: merged}
	return bounds(*ref, pointer)
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
	defer specdoc.Guard(&err, "merging allOf")
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
			return locate(parts, pointer+"/properties/"+specdoc.Escape(name), err)
		}
	}
	if _, panicked := errors.AsType[*specdoc.PanicError](cause); panicked {
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
			if !yield("/properties/"+specdoc.Escape(name), s.Properties[name]) {
				return
			}
		}
		if s.Items != nil {
			yield("/items", s.Items)
		}
	}
}
