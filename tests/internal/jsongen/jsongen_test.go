package jsongen_test

import (
	"fmt"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"pgregory.net/rapid"

	"github.com/certuse/cloudflare-mtls/tests/internal/jsongen"
)

func TestRandomValuesSatisfyTheirSchema(t *testing.T) {
	t.Parallel()
	text := openapi3.NewStringSchema
	schemas := map[string]*openapi3.Schema{
		"string of 3 to 5 characters": text().WithMinLength(3).WithMaxLength(5),
		"string of 40 characters":     text().WithLength(40),
		"empty string":                text().WithMaxLength(0),
		"bounds in two parts":         openapi3.NewAllOfSchema(text().WithMinLength(3), text().WithMaxLength(5)),
		"integer from 3 to 5":         openapi3.NewIntegerSchema().WithMin(3).WithMax(5),
		"integer from -2.5":           openapi3.NewIntegerSchema().WithMin(-2.5),
		"integer to -10":              openapi3.NewIntegerSchema().WithMax(-10),
		"number from 0.5 to 7.5":      openapi3.NewFloat64Schema().WithMin(0.5).WithMax(7.5),
		"write-only member": openapi3.NewObjectSchema().WithRequired([]string{"a"}).
			WithProperty("a", &openapi3.Schema{WriteOnly: true}).WithProperty("b", text()),
		"number from 0": openapi3.NewFloat64Schema().WithMin(0),
	}
	for name, schema := range schemas {
		for _, exact := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, exact %t", name, exact), func(t *testing.T) {
				t.Parallel()
				rapid.Check(t, func(t *rapid.T) {
					value := jsongen.Document(schema, jsongen.Options{Exact: exact}).Draw(t, "value")
					if err := schema.VisitJSON(value, openapi3.VisitAsResponse()); err != nil {
						t.Fatal(err)
					}
				})
			})
		}
	}
}
