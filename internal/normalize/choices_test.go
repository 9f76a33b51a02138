package normalize

import (
	"fmt"
	"strings"
	"testing"

	"github.com/certuse/cloudflare-mtls/internal/spec"
)

func parts(n int, schema string) string {
	return "{allOf: [" + strings.Repeat(schema+", ", n) + "]}"
}

// Merging these documents would give thousands to billions of schemas.
func TestChoicesThatMultiplyAreRefused(t *testing.T) {
	t.Parallel()
	const two = "{oneOf: [{type: string}, {type: object}]}"
	nested := two
	for range 12 {
		nested = "{allOf: [{properties: {a: " + nested + "}}, " + two + "]}"
	}
	for name, schema := range map[string]string{
		"choices in many parts":       parts(30, two),
		"choices of one property":     parts(30, "{properties: {p: "+two+"}}"),
		"choices of list elements":    parts(30, "{items: {anyOf: [{type: string}, {type: object}]}}"),
		"choices in an arm":           "{anyOf: [" + parts(30, two) + "]}",
		"choices under choices":       nested,
		"choices of nested parts":     parts(6, parts(5, two)),
		"two parts with many choices": parts(2, "{anyOf: ["+strings.Repeat("{type: string}, ", 100)+"]}"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Merge(withSchema(t, schema))
			want := fmt.Sprintf("merging allOf could combine more than %d choices", maxChoices)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Fatalf("error %.300v, want %q", err, want)
			}
			if !strings.HasPrefix(err.Error(), "/paths/~1a~1{b}/get/responses/200/content/application~1json/schema:") {
				t.Errorf("no place in %.300v", err)
			}
		})
	}
}

func TestFewChoicesAreMerged(t *testing.T) {
	t.Parallel()
	got, err := Merge(withSchema(t, parts(3, "{anyOf: [{type: string, maxLength: 3}, {type: string, minLength: 2}]}")))
	if err != nil {
		t.Fatal(err)
	}
	if schema := spec.Child(schemaOf(got)); len(schema) != 1 || len(spec.List(schema, "anyOf")) != 8 {
		t.Errorf("%v, want the 8 combinations", schema)
	}
}
