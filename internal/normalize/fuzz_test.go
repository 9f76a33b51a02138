package normalize

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

// FuzzMerge looks for schemas that crash the merging, leave an allOf behind, or
// change when they are merged again.
func FuzzMerge(f *testing.F) {
	for _, schema := range []string{
		"{allOf: [{type: object, properties: {a: {type: string}}}, {required: [a]}]}",
		"{allOf: [{enum: [true]}, {enum: [false]}]}",
		"{allOf: [{enum: [{a: 1}]}, {enum: [b]}]}",
		"{allOf: [{anyOf: [{type: string}, {type: integer}]}, {oneOf: [{type: string}, {minLength: 3}]}]}",
		"{type: array, items: {allOf: [{type: object}, {type: object, additionalProperties: false}]}}",
		"{allOf: [{type: number, minimum: 1, maximum: 5}, {minimum: 3, exclusiveMinimum: true}]}",
		"{not: {allOf: [{type: string}, {pattern: a}]}}",
		"{allOf: []}", "{allOf: [{}]}", "{properties: {allOf: {type: string}}}",
	} {
		f.Add(schema)
	}
	f.Fuzz(func(t *testing.T, schema string) {
		s, err := spec.Decode("schema", []byte("# YAML\n"+schema))
		if err != nil {
			return
		}
		merged, err := Merge(document(s))
		if err != nil {
			if text := err.Error(); text == "" || strings.Contains(text, "\n") {
				t.Errorf("the error is %q", text)
			}
			return
		}
		err = spec.Visit(merged, spec.Fields, "", func(o spec.Object, pointer string) error {
			if _, ok := o["allOf"]; ok {
				return errors.New(pointer)
			}
			return nil
		})
		if err != nil {
			t.Errorf("allOf is left at %v", err)
		}
		again, err := Merge(merged)
		if err != nil {
			t.Fatalf("the merged document is refused: %v", err)
		}
		if diff := cmp.Diff(merged, again); diff != "" {
			t.Errorf("merged twice (-once +twice)\n%s", diff)
		}
	})
}
